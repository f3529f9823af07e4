#include "http/hpack/field_rules.h"

#include <array>
#include <cstddef>
#include <cstdint>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace pingap::http::hpack {
namespace {

// tchar (RFC 9110 5.6.2) without upper-case letters.
constexpr auto kNameBytes = [] {
  std::array<bool, 256> table{};
  for (unsigned c = 0; c < 128; ++c) {
    table[c] = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
  }
  for (const char c :
       {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'}) {
    table[static_cast<unsigned char>(c)] = true;
  }
  return table;
}();

constexpr bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t';
}

constexpr bool is_control(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t') || byte == 0x7f;
}

}  // namespace

bool is_field_name(std::string_view name) noexcept {
  bool good = !name.empty();
  for (const char c : name) {
    good = good && kNameBytes[static_cast<unsigned char>(c)];
  }
  return good;
}

bool is_field_value(std::string_view value) noexcept {
  if (value.empty()) {
    return true;
  }
  if (is_blank(value.front()) || is_blank(value.back())) {
    return false;
  }
  size_t i = 0;
#if defined(__SSE2__)
  for (; i + 16 <= value.size(); i += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(value.data() + i));
    const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
    const __m128i tab = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t'));
    const __m128i del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));
    if (_mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, low), del)) != 0) {
      return false;
    }
  }
#endif
  bool good = true;
  for (; i < value.size(); ++i) {
    good = good && !is_control(value[i]);
  }
  return good;
}

}  // namespace pingap::http::hpack
