// Whether a backend's 101 is an answer to what the client asked (RFC 6455 4.1). Pure.
#pragma once

#include "http/head.h"

namespace pingap::proxy {

// It has read our key, and chose nothing that the client did not offer.
bool accepts_upgrade(const http::HeaderMap& asked, const http::HeaderMap& chosen) noexcept;

}  // namespace pingap::proxy
