// Fields that list wishes with weights: Accept-Encoding and its kin (RFC 9110 12.4). Any thread.
#pragma once

#include <string_view>

#include "http/header_map.h"

namespace pingap::plugin {

// How much a coding is wanted, in thousandths: its own weight, else that of `*`, else 0. "x-gzip"
// is gzip (RFC 9110 8.4.1.3). A weight that is none counts as 0.
int quality_of(const http::HeaderMap& headers, http::HeaderId field,
               std::string_view coding) noexcept;

}  // namespace pingap::plugin
