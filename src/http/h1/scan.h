// Finds the byte where a part of a head ends, sixteen bytes at a time where the CPU has SSE2.
// Pure. Loads never leave the window, so that a head may end at the last byte of a page.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace pingap::http::h1 {

// The bytes that may be read.
struct Window {
  const char* begin;
  const char* end;
};

// Each kind of stop says which bytes it stops at, one by one and as a bit mask of sixteen.

// Control bytes, HTAB among them: a field value or a reason phrase ends or breaks here.
struct ControlStop {
  static constexpr bool stops(char c) noexcept {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  }
#if defined(__SSE2__)
  static __m128i mask(__m128i bytes) noexcept {
    const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
    return _mm_or_si128(low, _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f)));
  }
#endif
};

// All that is not 0x21-0x7e, and '#' and '\\': what a request target may not simply contain.
struct TargetStop {
  static constexpr bool stops(char c) noexcept {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x21 || byte > 0x7e || c == '#' || c == '\\';
  }
#if defined(__SSE2__)
  static __m128i mask(__m128i bytes) noexcept {
    // Signed: bytes from 0x80 up are negative and so below 0x21.
    const __m128i outside = _mm_or_si128(_mm_cmplt_epi8(bytes, _mm_set1_epi8(0x21)),
                                         _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f)));
    return _mm_or_si128(outside, _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('#')),
                                              _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))));
  }
#endif
};

struct ColonStop {
  static constexpr bool stops(char c) noexcept { return c == ':'; }
#if defined(__SSE2__)
  static __m128i mask(__m128i bytes) noexcept { return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(':')); }
#endif
};

#if defined(__SSE2__)
inline __m128i load16(const char* from) noexcept {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
}

template <class Stop>
[[gnu::always_inline]] inline unsigned stop_bits(const char* from) noexcept {
  return static_cast<unsigned>(_mm_movemask_epi8(Stop::mask(load16(from))));
}
#endif

#if defined(__SSE2__)
// A mask of the bytes from `first` to `last`.
[[gnu::always_inline]] inline __m128i in_range(__m128i bytes, char first, char last) noexcept {
  const __m128i offset = _mm_sub_epi8(bytes, _mm_set1_epi8(first));
  const __m128i width = _mm_set1_epi8(static_cast<char>(last - first));
  return _mm_cmpeq_epi8(_mm_min_epu8(offset, width), offset);
}

// Whether the first `size` of `bytes`, which are not all sixteen, are letters, digits and '-':
// most names without an id. False for an empty name.
[[gnu::always_inline]] inline bool is_plain_name(__m128i bytes, size_t size) noexcept {
  const __m128i letters = in_range(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), 'a', 'z');
  const __m128i digits = in_range(bytes, '0', '9');
  const __m128i dashes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('-'));
  const auto plain =
      static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(letters, digits), dashes)));
  return size != 0 && (~plain & ((1U << size) - 1)) == 0;
}
#endif

// As find_stop(), for less than sixteen bytes.
template <class Stop>
const char* find_stop_near_end(const char* from, const Window& window) noexcept {
#if defined(__SSE2__)
  // The window's last sixteen bytes, those before `from` shifted out.
  if (window.end - window.begin >= 16) {
    const auto seen = 16 - (window.end - from);
    const unsigned bits = stop_bits<Stop>(window.end - 16) >> seen;
    return bits != 0 ? from + std::countr_zero(bits) : window.end;
  }
#endif
  while (from < window.end && !Stop::stops(*from)) {
    ++from;
  }
  return from;
}

// The first byte at or after `from` where Stop stops, or the window's end.
template <class Stop>
[[gnu::always_inline]] inline const char* find_stop(const char* from,
                                                    const Window& window) noexcept {
#if defined(__SSE2__)
  while (window.end - from >= 16) [[likely]] {
    const unsigned bits = stop_bits<Stop>(from);
    if (bits != 0) {
      return from + std::countr_zero(bits);
    }
    from += 16;
  }
  return find_stop_near_end<Stop>(from, window);
#else
  while (from < window.end && !Stop::stops(*from)) {
    ++from;
  }
  return from;
#endif
}

inline constexpr auto kTokenBytes = [] {
  std::array<bool, 256> table{};
  for (unsigned c = 0; c < 128; ++c) {
    table[c] = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  }
  for (const char c :
       {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'}) {
    table[static_cast<unsigned char>(c)] = true;
  }
  return table;
}();

// tchar (RFC 9110 5.6.2).
constexpr bool is_token_byte(char c) noexcept {
  return kTokenBytes[static_cast<unsigned char>(c)];
}

// The first byte that is not a tchar, or `end`.
constexpr const char* skip_token(const char* from, const char* end) noexcept {
  while (from < end && is_token_byte(*from)) {
    ++from;
  }
  return from;
}

constexpr bool is_token(std::string_view text) noexcept {
  bool token = !text.empty();
  for (const char c : text) {
    token = token && is_token_byte(c);
  }
  return token;
}

}  // namespace pingap::http::h1
