// Copies text and tells in the same pass whether it needs escapes: nearly all values in a log line
// do not. Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace pingap {

// Stands for itself in plain lines and in JSON strings.
constexpr bool is_plain(char c) noexcept {
  return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

namespace plain {

#if defined(__SSE2__)

inline constexpr size_t kBlock = 16;
using Seen = __m128i;  // all bits of a byte: all that was seen in its place was plain

inline Seen all_plain() noexcept {
  return _mm_set1_epi8(-1);
}

inline bool ok(Seen seen) noexcept {
  return _mm_movemask_epi8(seen) == 0xffff;
}

inline Seen look(__m128i bytes) noexcept {
  // Signed: one added to 0x7f overflows, so that only 0x20 to 0x7e are above 0x20 then.
  const __m128i inside = _mm_cmpgt_epi8(_mm_add_epi8(bytes, _mm_set1_epi8(1)), _mm_set1_epi8(0x20));
  const __m128i syntax = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                                      _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
  return _mm_andnot_si128(syntax, inside);
}

inline Seen copy_block(const char* from, char* to) noexcept {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), bytes);
  return look(bytes);
}

inline Seen both(Seen a, Seen b) noexcept {
  return _mm_and_si128(a, b);
}

// 8 to 15 bytes, as two words that overlap.
inline bool copy_words(const char* from, char* to, size_t size) noexcept {
  const __m128i first = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
  const __m128i last = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from + size - 8));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(to), first);
  _mm_storel_epi64(reinterpret_cast<__m128i*>(to + size - 8), last);
  return ok(look(_mm_unpacklo_epi64(first, last)));
}

#else

inline constexpr size_t kBlock = 8;
using Seen = bool;

inline Seen all_plain() noexcept {
  return true;
}

inline bool ok(Seen seen) noexcept {
  return seen;
}

inline Seen both(Seen a, Seen b) noexcept {
  return a && b;
}

inline Seen copy_block(const char* from, char* to) noexcept {
  constexpr uint64_t kOnes = 0x0101010101010101U;
  uint64_t word = 0;
  std::memcpy(&word, from, sizeof(word));
  std::memcpy(to, &word, sizeof(word));
  // The first byte that is not plain sets its mark, whatever borrows and carries do further up.
  const uint64_t marks = (word - kOnes * 0x20) | (word + kOnes) | word |
                         ((word ^ kOnes * '"') - kOnes) | ((word ^ kOnes * '\\') - kOnes);
  return (marks & kOnes * 0x80) == 0;
}

inline bool copy_words(const char* from, char* to, size_t size) noexcept {
  return both(copy_block(from, to), copy_block(from + size - 8, to + size - 8));
}

#endif

}  // namespace plain

// Copies `value` to `to` and returns true when all of it is plain. There must be room for all of
// it; on false anything may stand in that room.
inline bool copy_plain(std::string_view value, char* to) noexcept {
  const char* from = value.data();
  const size_t size = value.size();
  if (size >= plain::kBlock) {
    plain::Seen seen = plain::all_plain();
    for (size_t i = 0; i + plain::kBlock < size; i += plain::kBlock) {
      seen = plain::both(seen, plain::copy_block(from + i, to + i));
    }
    // The last block overlaps what was copied before.
    const size_t last = size - plain::kBlock;
    return plain::ok(plain::both(seen, plain::copy_block(from + last, to + last)));
  }
  if (size >= 8) {
    return plain::copy_words(from, to, size);
  }
  bool seen = true;
  for (size_t i = 0; i < size; ++i) {
    to[i] = from[i];
    seen &= is_plain(from[i]);
  }
  return seen;
}

}  // namespace pingap
