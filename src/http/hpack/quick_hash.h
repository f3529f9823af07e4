// A hash of a text's length and both its ends: a few instructions, for tables that compare whole
// what they find by it. Not for tables whose chains a peer could make long. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace pingap::http::hpack {

namespace internal {

template <class Word>
uint64_t load(const char* from) noexcept {
  Word word;
  std::memcpy(&word, from, sizeof(word));
  return word;
}

}  // namespace internal

// The upper bits are the better ones. `seed`: of texts of another kind.
[[gnu::always_inline]] inline uint64_t quick_hash(std::string_view text, uint64_t seed) noexcept {
  constexpr uint64_t kSpread = 0x9e37'79b9'7f4a'7c15;
  const char* const from = text.data();
  const size_t size = text.size();
  uint64_t first = 0;
  uint64_t last = 0;
  if (size >= 8) {
    first = internal::load<uint64_t>(from);
    last = internal::load<uint64_t>(from + size - 8);
  } else if (size >= 4) {
    first = internal::load<uint32_t>(from);
    last = internal::load<uint32_t>(from + size - 4);
  } else if (size > 0) {
    first = internal::load<uint8_t>(from + size / 2);
    last = internal::load<uint8_t>(from) << 8 | internal::load<uint8_t>(from + size - 1);
  }
  const uint64_t hash = (first ^ seed) * kSpread ^ (last + size);
  return (hash ^ hash >> 32) * kSpread;
}

}  // namespace pingap::http::hpack
