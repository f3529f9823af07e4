// Values and keys as they are written in TOML. Pure; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace pingap::config {

// In quotes, with all that would not be shown escaped. `text` is UTF-8.
std::string toml_string(std::string_view text);
std::string toml_integer(int64_t value);
std::string toml_boolean(bool value);
// In one line.
std::string toml_strings(std::span<const std::string> items);

// A key, bare where it can be.
std::string toml_key(std::string_view name);
// Several, with dots between.
std::string toml_path(std::span<const std::string> path);

}  // namespace pingap::config
