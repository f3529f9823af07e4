#include "http/hpack/field_rules.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

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

// Of the first eight bytes, which are there: whether one is below 0x20, HTAB among them, or 0x7f.
bool may_have_control(std::string_view eight) noexcept {
  constexpr uint64_t kOnes = 0x0101'0101'0101'0101;
  uint64_t bytes = 0;
  std::memcpy(&bytes, eight.data(), sizeof(bytes));
  const uint64_t deleted = bytes ^ (kOnes * 0x7f);
  const uint64_t low = (bytes - kOnes * 0x20) & ~bytes;
  return ((low | ((deleted - kOnes) & ~deleted)) & (kOnes * 0x80)) != 0;
}

#if defined(__SSE2__)
// The first sixteen bytes, which are there.
__m128i load16(std::string_view from) noexcept {
  __m128i bytes;
  std::memcpy(&bytes, from.data(), sizeof(bytes));
  return bytes;
}

bool has_control(__m128i bytes) noexcept {
  const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
  const __m128i tab = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t'));
  const __m128i del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));
  return _mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, low), del)) != 0;
}
#endif

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
    if (has_control(load16(value.substr(i)))) {
      return false;
    }
  }
  if (i > 0) {  // the rest, with some that were seen before it
    return !has_control(load16(value.substr(value.size() - 16)));
  }
#endif
  if (value.size() >= 8 && value.size() <= 16 && !may_have_control(value.substr(0, 8)) &&
      !may_have_control(value.substr(value.size() - 8))) {
    return true;
  }
  bool good = true;
  for (; i < value.size(); ++i) {
    good = good && !is_control(value[i]);
  }
  return good;
}

}  // namespace pingap::http::hpack
