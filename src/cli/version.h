// What `pingap version` prints. Any thread.
#pragma once

#include <string>

namespace pingap::cli {

enum class Format : bool { text, json };

// One line, ended by a newline.
std::string version_text(Format format);

}  // namespace pingap::cli
