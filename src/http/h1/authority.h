// host [":" port], as it stands in Host and in the authority of a request target. Pure.
#pragma once

#include <string_view>

namespace pingap::http::h1 {

struct Authority {
  std::string_view host;  // with the brackets of an IPv6 address
  std::string_view port;  // digits; empty without
};

// Splits and checks `text` (RFC 9110 7.2, RFC 3986 3.2.2). Narrower than the grammar where two
// readers could differ: no userinfo, no comma, no percent-encoding, no zone id, no empty label, no
// empty port. False when refused.
bool split_authority(std::string_view text, Authority& out) noexcept;

}  // namespace pingap::http::h1
