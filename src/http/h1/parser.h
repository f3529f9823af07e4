// HTTP/1 heads: bytes in, a checked head out. Pure: no socket, no clock, no state.
//
// One grammar, no guessing (RFC 9112, security.md 1A-1C): CRLF only, one SP between the parts of
// the request line, token names with ':' right behind, no folding, no control bytes, one framing.
// A head that is not complete yet is kept by the caller, who asks HeadScanner when to try again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "http/head.h"

namespace pingap::http::h1 {

enum class ParseStatus : uint8_t { complete, incomplete, failed };

struct ParseResult {
  ParseStatus status = ParseStatus::incomplete;
  ErrorCode error = ErrorCode::none;  // where failed
  size_t consumed = 0;                // bytes of the head, its end included; where complete
};

// Limits of a listener or an upstream; the defaults are those of http/limits.h.
struct HeadLimits {
  size_t bytes;
  size_t fields;
  size_t target;
};

extern const HeadLimits kRequestLimits;
extern const HeadLimits kResponseLimits;

// Parses one request head at the start of `bytes`. `head.headers` must have room for
// `limits.fields` fields; all members of `head` but `storage` are set; views point into `bytes`.
// `incomplete` also says: no error in what is there. Fields are kept as sent but for these, whose
// meaning is in the head: none are removed here; header policy drops hop-by-hop fields.
ParseResult parse_request(std::string_view bytes, const HeadLimits& limits,
                          RequestHead& head) noexcept;

// The same for a response; `request` is the method it answers (HEAD, CONNECT have no body).
ParseResult parse_response(std::string_view bytes, const HeadLimits& limits, Method request,
                           ResponseHead& head) noexcept;

// Tells, in linear time over all calls, when it is worth to parse a head that arrives in pieces.
class HeadScanner {
 public:
  enum class Verdict : uint8_t { wait, parse };

  // `bytes` is all that has arrived of this head, each time from its start. `parse` is said once
  // the end of the head, the end of its first line, or a byte that no head may have is there, or
  // more than `max` bytes are.
  Verdict scan(std::string_view bytes, size_t max) noexcept;

  void reset() noexcept { *this = HeadScanner(); }

 private:
  size_t seen_ = 0;        // bytes before this were looked at
  size_t line_start_ = 0;  // of the line that seen_ is in
  bool first_line_ = true;
};

}  // namespace pingap::http::h1
