// The media type of a file by its name. Any thread.
#pragma once

#include <string_view>

namespace pingap::plugin {

// "text/html" for "a.HTML"; "application/octet-stream" for what is not known.
std::string_view media_type_of(std::string_view file_name) noexcept;

// Whether a charset belongs behind it.
bool is_text(std::string_view media_type) noexcept;

}  // namespace pingap::plugin
