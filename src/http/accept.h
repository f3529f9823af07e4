// What a client likes to read (RFC 9110 12.5.1). Pure, any thread.
#pragma once

#include <string_view>

namespace pingap::http {

// Of the value of Accept: it likes JSON better than HTML, or names it first of equals. Nobody who
// says nothing does.
bool prefers_json(std::string_view accept) noexcept;

}  // namespace pingap::http
