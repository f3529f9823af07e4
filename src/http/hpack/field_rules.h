// What HTTP/2 allows in names and values of fields (RFC 9113 8.2.1). Pure.
#pragma once

#include <string_view>

namespace pingap::http::hpack {

// A token without upper-case letters. Names that begin with a colon are not for this.
bool is_field_name(std::string_view name) noexcept;

// No control bytes but HTAB inside, and neither blank at either end. Stricter than the section's
// minimum (NUL, CR, LF), as HTTP/1 is: a field of one protocol is one of the other.
bool is_field_value(std::string_view value) noexcept;

}  // namespace pingap::http::hpack
