// The text of a path as configurations have it: of locations, of conditions and options of plugins.
// Control thread, but for the comparison, which is any thread's.
#pragma once

#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "http/uri.h"

namespace pingap::route {

// The form in which requests are matched, which is the only one that can ever be equal to theirs:
// "/%61" is "/a". The error says what is wrong with the text.
tl::expected<std::string, std::string> canonical_path(std::string_view text,
                                                      const http::UriOptions& options);

// Whether the path `text`, taken as a prefix, leads to `path`: they are equal, `path` goes on with
// a slash, or the prefix ends with one.
bool is_path_prefix(std::string_view text, std::string_view path) noexcept;

}  // namespace pingap::route
