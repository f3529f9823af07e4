// The quick look: nearly all targets are canonical already, and one pass over them says so.
#include "http/uri.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "http/uri_internal.h"

namespace pingap::http {
namespace {

using uri::bad_in_query;
using uri::ByteClass;
using uri::kClasses;

// Not a size: the quick look cannot tell.
constexpr size_t kLookCloser = SIZE_MAX;

#if defined(__SSE2__)

inline __m128i load(const char* from) noexcept {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
}

// Bit i: byte i of `bytes` ends the path or needs a closer look, be it only because it is a slash
// or dot and a slash is at i of `before`, the bytes one place further left.
inline uint32_t stops(__m128i bytes, __m128i before) noexcept {
  const auto all = [](int c) noexcept { return _mm_set1_epi8(static_cast<char>(c)); };
  const auto in_range = [&](int first, int last) noexcept {
    return _mm_cmplt_epi8(_mm_add_epi8(bytes, all(0x80 - first)), all(last - first + 1 - 0x80));
  };
  // Signed: also every byte from 0x80 on. `!` and `$` are here for the price of one compare.
  __m128i stop = _mm_cmplt_epi8(bytes, all('&'));
  stop = _mm_or_si128(stop, _mm_cmpgt_epi8(bytes, all('z')));
  stop = _mm_or_si128(stop, in_range(';', '?'));
  stop = _mm_or_si128(stop, in_range('[', '^'));
  stop = _mm_or_si128(stop, _mm_cmpeq_epi8(bytes, all('`')));
  static_assert(('.' | 1) == '/');
  const __m128i slash_or_dot = _mm_cmpeq_epi8(_mm_or_si128(bytes, all(1)), all('/'));
  const __m128i after_slash = _mm_cmpeq_epi8(before, all('/'));
  stop = _mm_or_si128(stop, _mm_and_si128(slash_or_dot, after_slash));
  return static_cast<uint32_t>(_mm_movemask_epi8(stop));
}

// The first and the last `half` of the `size` bytes in one register: a byte that is there twice
// does no harm.
inline __m128i load_ends(const char* data, size_t size, size_t half) noexcept {
  uint64_t low = 0;
  uint64_t high = 0x6161616161616161;  // any clean byte
  if (half == 8) {
    std::memcpy(&low, data, 8);
    std::memcpy(&high, data + size - 8, 8);
  } else {
    uint32_t first = 0;
    uint32_t last = 0;
    std::memcpy(&first, data, 4);
    std::memcpy(&last, data + size - 4, 4);
    low = first | static_cast<uint64_t>(last) << 32;
  }
  return _mm_set_epi64x(static_cast<int64_t>(high), static_cast<int64_t>(low));
}

inline size_t end_of_path(std::string_view target, size_t stop) noexcept {
  return target[stop] == '?' ? stop : kLookCloser;
}

// The same for targets of at most four bytes.
inline size_t clean_tiny_path(std::string_view target) noexcept {
  for (size_t i = 1; i < target.size(); ++i) {
    const char c = target[i];
    if (kClasses[static_cast<uint8_t>(c)] != ByteClass::plain || c == ';' || c == '.') {
      return end_of_path(target, i);
    }
  }
  return target.size();
}

// The size of the path when it is clean: made of pchar and `/`, no escape, no `//`, no `/.`, no
// parameter. kLookCloser when it is not, or when it takes more than this to tell. The first byte is
// a slash.
inline size_t clean_path(std::string_view target) noexcept {
  const char* data = target.data() + 1;
  const size_t size = target.size() - 1;
  if (size < 16) {
    if (size < 4) {
      return clean_tiny_path(target);
    }
    const size_t half = size >= 8 ? 8 : 4;
    const uint32_t bits = stops(load_ends(data, size, half), load_ends(data - 1, size, half));
    if (bits == 0) {
      return target.size();
    }
    const auto bit = static_cast<size_t>(std::countr_zero(bits));
    return end_of_path(target, 1 + (bit < half ? bit : size - 2 * half + bit));
  }
  size_t at = 0;
  while (true) {
    const uint32_t bits = stops(load(data + at), load(data + at - 1));
    if (bits != 0) {
      return end_of_path(target, 1 + at + static_cast<size_t>(std::countr_zero(bits)));
    }
    if (at + 16 == size) {
      return target.size();
    }
    at = std::min(at + 16, size - 16);  // the last block overlaps the one before
  }
}

// `begin` is where the query starts; what is before it in `target` has no byte that is bad here.
inline bool query_is_good(std::string_view target, size_t begin) noexcept {
  if (target.size() < 16) {
    for (size_t i = begin; i < target.size(); ++i) {
      if (bad_in_query(target[i])) {
        return false;
      }
    }
    return true;
  }
  const __m128i blank = _mm_set1_epi8(0x20);
  for (size_t at = begin; at < target.size(); at += 16) {
    const __m128i v = load(target.data() + (target.size() - at < 16 ? target.size() - 16 : at));
    const __m128i bad = _mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(v, blank), v),
                                     _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f)),
                                                  _mm_cmpeq_epi8(v, _mm_set1_epi8('#'))));
    if (_mm_movemask_epi8(bad) != 0) {
      return false;
    }
  }
  return true;
}

#else

inline size_t clean_path(std::string_view target) noexcept {
  char before = '/';
  for (size_t i = 1; i < target.size(); ++i) {
    const char c = target[i];
    if (c == '?') {
      return i;
    }
    const ByteClass kind = kClasses[static_cast<uint8_t>(c)];
    if (kind > ByteClass::slash || c == ';' || (before == '/' && (c == '/' || c == '.'))) {
      return kLookCloser;
    }
    before = c;
  }
  return target.size();
}

inline bool query_is_good(std::string_view target, size_t begin) noexcept {
  for (size_t i = begin; i < target.size(); ++i) {
    if (bad_in_query(target[i])) {
      return false;
    }
  }
  return true;
}

#endif

}  // namespace

Result<Canonical> canonicalize(std::string_view target, const UriOptions& options,
                               Arena& arena) noexcept {
  const size_t path_size =
      target.empty() || target.front() != '/' ? kLookCloser : clean_path(target);
  if (path_size == kLookCloser) [[unlikely]] {
    return uri::canonicalize_carefully(target, options, arena);
  }
  if (path_size < target.size() && !query_is_good(target, path_size + 1)) [[unlikely]] {
    return uri::refuse(ErrorCode::bad_target, "byte not allowed in a query");
  }
  return uri::split(target, path_size);
}

}  // namespace pingap::http
