// Finds requests that go round in circles: our own entries in Via tell (RFC 9110 7.6.3, security.md
// HS-10). Pure; any thread.
#pragma once

#include <string_view>

#include "http/header_map.h"

namespace pingap::proxy {

// Whether more than limits::kPasses entries of Via name `own`, the pseudonym we sign with.
bool is_loop(const http::HeaderMap& headers, std::string_view own) noexcept;

}  // namespace pingap::proxy
