// What `pingap version` prints. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pingap::cli {

enum class Format : uint8_t { text, json, markdown };

// One line, ended by a newline.
std::string version_text(Format format);

// The commit that it was built from.
std::string_view build_commit() noexcept;

}  // namespace pingap::cli
