// Reads a file that the configuration names. Control thread; may block.
#pragma once

#include <filesystem>
#include <string>

#include <tl/expected.hpp>

namespace pingap::config {

// The content of a regular file of at most `max` bytes, or why there is none. What was read before
// an error is wiped: it may be a secret.
tl::expected<std::string, std::string> read_file(const std::filesystem::path& path, size_t max);

}  // namespace pingap::config
