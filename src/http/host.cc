#include "http/host.h"

#include <cstdint>
#include <cstring>

#include "base/strings.h"

namespace pingap::http {
namespace {

// The top bit of each byte that is 'A' to 'Z' (eight bytes at a time).
inline uint64_t upper_mask(uint64_t word) noexcept {
  constexpr uint64_t kTops = 0x8080808080808080;
  constexpr uint64_t kOnes = 0x0101010101010101;
  const uint64_t low = word & ~kTops;
  const uint64_t from_a = low + kOnes * (0x80 - 'A');
  const uint64_t after_z = low + kOnes * (0x80 - 'Z' - 1);
  return from_a & ~after_z & ~word & kTops;
}

bool has_upper(std::string_view text) noexcept {
  uint64_t word = 0;
  if (text.size() < 4) {
    for (const char c : text) {
      word = word << 8 | static_cast<uint8_t>(c);
    }
    return upper_mask(word) != 0;
  }
  if (text.size() < 8) {  // its first and last four bytes, side by side
    uint32_t last = 0;
    std::memcpy(&word, text.data(), 4);
    std::memcpy(&last, text.data() + text.size() - 4, 4);
    return upper_mask(word | static_cast<uint64_t>(last) << 32) != 0;
  }
  uint64_t found = 0;
  for (size_t i = 0; i + 8 < text.size(); i += 8) {
    std::memcpy(&word, text.data() + i, 8);
    found |= upper_mask(word);
  }
  std::memcpy(&word, text.data() + text.size() - 8, 8);
  return (found | upper_mask(word)) != 0;
}

}  // namespace

std::string_view normalize_host(std::string_view host, Arena& arena) noexcept {
  if (host.ends_with('.')) {
    host.remove_suffix(1);
  }
  if (!has_upper(host)) {
    return host;
  }
  char* lower = arena.make_array<char>(host.size());
  for (size_t i = 0; i < host.size(); ++i) {
    lower[i] = to_lower(host[i]);
  }
  return {lower, host.size()};
}

}  // namespace pingap::http
