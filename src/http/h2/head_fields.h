// The fields of a head as HTTP/2 writes them: pseudo-fields first, nothing that belongs to a
// connection. Names are as they came: HPACK's encoder makes them lower-case. Pure; the views hold
// until the next call on the thread, or as long as what they were made of.
#pragma once

#include <span>
#include <string_view>

#include "http/head.h"
#include "http/hpack/field.h"

namespace pingap::http::h2 {

struct FieldView {
  hpack::Name name;
  std::string_view value;
};

// `scheme`: as the backend is to see it. A handshake of WebSocket becomes an extended CONNECT.
std::span<const FieldView> request_fields(const RequestHead& head,
                                          std::string_view scheme) noexcept;
std::span<const FieldView> response_fields(const ResponseHead& head) noexcept;
std::span<const FieldView> trailer_fields(const HeaderMap& trailers) noexcept;

}  // namespace pingap::http::h2
