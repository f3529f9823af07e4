// The header Proxy-Status (RFC 9209) of answers that the proxy makes itself. Pure; any thread.
#pragma once

#include <string_view>

#include "base/arena.h"
#include "base/error.h"

namespace pingap::proxy {

// The error type of the RFC's registry (section 2.3) that a reason is.
std::string_view proxy_error_type(ErrorCode why) noexcept;

// `pingap; error=connection_refused; details="upstream_refused"`, in the arena. `name` is a token
// of RFC 9110.
std::string_view proxy_status(std::string_view name, ErrorCode why, Arena& arena) noexcept;

}  // namespace pingap::proxy
