#include "config/read_file.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

#include <fmt/format.h>

namespace pingap::config {

tl::expected<std::string, std::string> read_file(const std::filesystem::path& path, size_t max) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    return tl::unexpected(error ? error.message() : "it is not a regular file");
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return tl::unexpected(std::generic_category().message(errno));
  }
  std::string content(max + 1, '\0');
  file.read(content.data(), static_cast<std::streamsize>(content.size()));
  if (file.bad() || !file.eof()) {
    explicit_bzero(content.data(), content.size());
    return tl::unexpected(fmt::format("it has more than {} KiB", max / 1024));
  }
  content.resize(static_cast<size_t>(file.gcount()));
  return content;
}

}  // namespace pingap::config
