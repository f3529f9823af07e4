// Finds one value in a query or in the Cookie fields, without copying. Pure; any thread.
#pragma once

#include <string_view>

#include "http/header_map.h"

namespace pingap::http {

// The raw value of the first argument `name` of a query (without its `?`); arguments are separated
// by `&`. `name` is plain text and compared with the decoded name. False when it is not there; an
// argument without `=` has an empty value.
bool find_argument(std::string_view query, std::string_view name, std::string_view& value) noexcept;

// Takes the first character off `text`, which has one, and decodes it: %XX and `+`. A bad escape
// stands for itself.
char take_decoded(std::string_view& text) noexcept;

// Whether `encoded` is `plain` after decoding, in the same manner.
bool equals_decoded(std::string_view encoded, std::string_view plain) noexcept;

// The value of the first cookie `name` (case-sensitive) in all Cookie fields (RFC 6265 4.2.1).
bool find_cookie(const HeaderMap& headers, std::string_view name, std::string_view& value) noexcept;

}  // namespace pingap::http
