// The fields of a head as HTTP/2 writes them: pseudo-fields first, nothing that belongs to a
// connection. Names are as they came: HPACK's encoder makes them lower-case. Pure; the views hold
// until the next call on the thread, or as long as what they were made of.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "http/head.h"
#include "http/hpack/field.h"

namespace pingap::http::h2 {

struct FieldView {
  hpack::Name name;
  std::string_view value;
  bool never_indexed = false;  // see hpack::DecodedField
};

// One that waits.
struct KeptField {
  explicit KeptField(const FieldView& from)
      : name(from.name.text), value(from.value), never_indexed(from.never_indexed) {}

  FieldView view() const noexcept { return {hpack::identify(name), value, never_indexed}; }

  std::string name;
  std::string value;
  bool never_indexed;
};

// `scheme`: as the backend is to see it. A handshake of WebSocket becomes an extended CONNECT.
std::span<const FieldView> request_fields(const RequestHead& head,
                                          std::string_view scheme) noexcept;
std::span<const FieldView> response_fields(const ResponseHead& head) noexcept;
std::span<const FieldView> trailer_fields(const HeaderMap& trailers) noexcept;

}  // namespace pingap::http::h2
