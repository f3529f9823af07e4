// What tables of short texts need, in a few instructions: a hash, of the length and both ends only,
// and the comparison of what is found by it. Not for tables whose chains a peer could make long.
// Pure.
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

// Of `size` bytes each, which are one to two words.
template <class Word>
bool are_equal(const char* a, const char* b, size_t size) noexcept {
  const size_t last = size - sizeof(Word);
  return ((load<Word>(a) ^ load<Word>(b)) | (load<Word>(a + last) ^ load<Word>(b + last))) == 0;
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
  const uint64_t hash = (first ^ (seed ^ size << 32) * kSpread) * kSpread ^ last;
  return (hash ^ hash >> 32) * kSpread;
}

// Without a call for up to four words.
[[gnu::always_inline]] inline bool quick_equal(std::string_view a, std::string_view b) noexcept {
  const size_t size = a.size();
  if (size != b.size()) {
    return false;
  }
  if (size > 32 || size < 4) {
    return a == b;
  }
  const char* const from_a = a.data();
  const char* const from_b = b.data();
  if (size < 8) {
    return internal::are_equal<uint32_t>(from_a, from_b, size);
  }
  if (size <= 16) {
    return internal::are_equal<uint64_t>(from_a, from_b, size);
  }
  return internal::are_equal<uint64_t>(from_a, from_b, 16) &&
         internal::are_equal<uint64_t>(from_a + size - 16, from_b + size - 16, 16);
}

}  // namespace pingap::http::hpack
