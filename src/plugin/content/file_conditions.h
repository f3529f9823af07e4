// What a client already has, and which part of it it wants: conditional requests and ranges for a
// representation (RFC 9110 13, 14). Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "http/head.h"

namespace pingap::plugin {

struct Representation {
  std::string_view etag;  // with its quotes; strong
  int64_t modified;       // s since 1970
  uint64_t size;
};

enum class Outcome : uint8_t {
  whole,
  part,
  not_modified,         // 304
  failed,               // 412
  cannot_be_satisfied,  // 416
};

struct Part {
  Outcome outcome = Outcome::whole;
  uint64_t first = 0;  // of `part`
  uint64_t size = 0;
};

// In the order of RFC 9110 13.2.2. More than one range is answered with the whole.
Part choose_part(const http::RequestHead& head, const Representation& of) noexcept;

}  // namespace pingap::plugin
