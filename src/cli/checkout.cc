#include "cli/checkout.h"

#include <charconv>
#include <filesystem>
#include <sstream>
#include <system_error>

#include <fmt/format.h>

#include "base/hash.h"
#include "config/read_file.h"
#include "config/write_file.h"

namespace pingap::cli {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxSize = 4096;

fs::path file_of(const std::string& path) {
  std::error_code error;
  const fs::path whole(path);
  return path.ends_with('/') || fs::is_directory(whole, error)
             ? whole / ".etcd"
             : whole.parent_path() / ("." + whole.filename().native() + ".etcd");
}

}  // namespace

uint64_t hash_of(const std::vector<config::Text>& texts) {
  uint64_t hash = 0;
  for (const config::Text& text : texts) {
    hash += mix64(hash64(text.path) ^ mix64(hash64(text.text)));  // in any order
  }
  return hash;
}

std::optional<Checkout> read_checkout(const std::string& path) {
  const auto text = config::read_file(file_of(path), kMaxSize);
  if (!text) {
    return std::nullopt;
  }
  std::istringstream in(*text);
  Checkout checkout;
  std::string hash;
  in >> checkout.url >> checkout.version >> hash;
  const auto [end, error] =
      std::from_chars(hash.data(), hash.data() + hash.size(), checkout.hash, 16);
  if (!in || error != std::errc() || end != hash.data() + hash.size()) {
    return std::nullopt;
  }
  return checkout;
}

std::string write_checkout(const std::string& path, const Checkout& checkout) {
  const auto done = config::write_file_atomically(
      file_of(path), fmt::format("{} {} {:016x}\n", checkout.url, checkout.version, checkout.hash));
  return done ? std::string() : done.error();
}

}  // namespace pingap::cli
