// What `pingap version` prints. Any thread.
#pragma once

#include <cstdint>
#include <string>

namespace pingap::cli {

enum class Format : uint8_t { text, json, markdown };

// One line, ended by a newline.
std::string version_text(Format format);

}  // namespace pingap::cli
