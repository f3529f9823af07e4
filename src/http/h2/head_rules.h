// What makes a head or a trailer section malformed (RFC 9113 8.1.1): pseudo-fields, fields that
// belong to a connection, names and values; and the length that it says, against the body that
// comes. What a request means is looked at behind this (RequestBuilder). Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "http/hpack/field.h"

namespace pingap::http::h2 {

// Whether it is a scheme whose paths we know; in any case (RFC 3986 3.1).
bool is_http(std::string_view scheme) noexcept;

// One direction of a stream, as far as its messages were read.
class Message {
 public:
  // Of the request, where it is its answer that is read: what the answer may have as body depends
  // on it (RFC 9110 6.4.1).
  enum class Request : uint8_t { other, head, connect };

  explicit Message(Request request = Request::other) noexcept : request_(request) {}

  // A head is here, be it an interim one.
  bool has_begun() const noexcept { return has_begun_; }

  // The final head is here; what comes after it are trailers.
  bool has_head() const noexcept { return has_head_; }

  // `bytes` of body have come. False where these are more than there may be.
  bool add_body(size_t bytes) noexcept {
    received_ += bytes;
    return length_ == kUnknown || received_ <= length_;
  }

  // Whether it may end here.
  bool may_end() const noexcept {
    return has_head_ && (length_ == kUnknown || received_ == length_);
  }

 private:
  friend class HeadRules;

  static constexpr uint64_t kUnknown = UINT64_MAX;

  uint64_t length_ = kUnknown;
  uint64_t received_ = 0;
  Request request_;
  bool has_begun_ = false;
  bool has_head_ = false;
};

class HeadRules {
 public:
  enum class Kind : uint8_t { request, response, trailers };

  // `extended_connect`: a request may use it (RFC 8441 4), we have said so.
  HeadRules(Kind kind, Message& message, bool extended_connect) noexcept
      : kind_(kind), extended_connect_(extended_connect), message_(message) {}

  // The fields in their order, until one is false: it is malformed.
  bool add(const hpack::DecodedField& field) noexcept;
  // All fields were good; `end`: nothing follows. True: they are a head (or trailers), and the
  // message knows what there is to know.
  bool finish(End end) noexcept;

 private:
  bool add_pseudo(hpack::Pseudo pseudo, std::string_view value) noexcept;
  bool add_method(std::string_view value) noexcept;
  bool add_path(std::string_view value) noexcept;
  bool add_scheme(std::string_view value) noexcept;
  bool add_status(std::string_view value) noexcept;
  bool add_length(std::string_view value) noexcept;
  bool finish_request(End end) noexcept;
  bool finish_response(End end) noexcept;

  bool has(hpack::Pseudo pseudo) const noexcept {
    return (pseudos_ >> static_cast<int>(pseudo) & 1) != 0;
  }

  Kind kind_;
  bool extended_connect_;
  bool has_fields_ = false;  // such that no pseudo-field may follow them
  bool has_host_ = false;
  bool connect_ = false;
  bool options_ = false;
  bool http_ = false;        // the scheme is one whose paths we know
  bool plain_path_ = false;  // it begins with a slash
  bool asterisk_ = false;
  uint8_t pseudos_ = 0;  // bits of those that were there
  uint16_t status_ = 0;
  uint64_t length_ = Message::kUnknown;
  Message& message_;
};

}  // namespace pingap::http::h2
