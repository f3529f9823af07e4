// The lookup of header names by a perfect hash, inline for the parser; others use header_id.h.
// Any thread: the tables are constant.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "http/header_id.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace pingap::http {

static_assert(std::endian::native == std::endian::little, "words are compared as loaded");

// The first 16 bytes of a name, zeros behind a shorter one.
struct NameHead {
  uint64_t low = 0;
  uint64_t high = 0;
};

inline constexpr unsigned kSlotBits = 9;

struct HeaderTables {
  // `care` has the bits that must agree: all but 0x20 of letters, so that the comparison is exact
  // for every byte value.
  struct alignas(16) Entry {
    std::array<uint64_t, 2> text;
    std::array<uint64_t, 2> care;
    std::array<uint64_t, 2> tail;  // bytes 16 to 23 and the last 8 of names longer than 16
    std::array<uint64_t, 2> tail_care;
    size_t size;
  };

  uint64_t multiplier;
  std::array<Entry, static_cast<size_t>(HeaderId::count_)> entries;
  std::array<HeaderId, size_t{1} << kSlotBits> slots;

  static constexpr uint64_t kLower = 0x2020202020202020;

  // For words that were made lower case by kLower.
  static constexpr size_t slot_of(uint64_t low, uint64_t high, uint64_t multiplier) noexcept {
    return static_cast<size_t>(((low + std::rotl(high, 27)) * multiplier) >> (64 - kSlotBits));
  }

  // data(): the indexes cannot be out of range, so that they are not checked.
  HeaderId find_slot(uint64_t low, uint64_t high) const noexcept {
    return slots.data()[slot_of(low, high, multiplier)];
  }

  const Entry& entry(HeaderId id) const noexcept { return entries.data()[static_cast<size_t>(id)]; }
};

extern const HeaderTables kHeaderTables;

// Whether what is behind the first 16 bytes of a name of this entry's size differs.
bool header_tail_differs(const HeaderTables::Entry& entry, const char* name) noexcept;

#if defined(__SSE2__)

// The id of the name of `size` bytes at `name`, where 16 bytes may be read: `head` has them.
[[gnu::always_inline]] inline HeaderId find_header_id(const char* name, size_t size,
                                                      __m128i head) noexcept {
  alignas(16) static constexpr std::array<uint8_t, 32> kKeep = {
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0,    0,    0,    0,    0,    0,
      0,    0,    0,    0,    0,    0,    0,    0,    0,    0};
  if (size < 16) {
    head = _mm_and_si128(
        head, _mm_loadu_si128(reinterpret_cast<const __m128i*>(kKeep.data() + 16 - size)));
  }
  const __m128i lower = _mm_or_si128(head, _mm_set1_epi8(0x20));
  const HeaderId id = kHeaderTables.find_slot(
      static_cast<uint64_t>(_mm_cvtsi128_si64(lower)),
      static_cast<uint64_t>(_mm_cvtsi128_si64(_mm_unpackhi_epi64(lower, lower))));
  const HeaderTables::Entry& entry = kHeaderTables.entry(id);
  const __m128i differs = _mm_and_si128(
      _mm_xor_si128(head, _mm_load_si128(reinterpret_cast<const __m128i*>(entry.text.data()))),
      _mm_load_si128(reinterpret_cast<const __m128i*>(entry.care.data())));
  if (_mm_movemask_epi8(_mm_cmpeq_epi8(differs, _mm_setzero_si128())) != 0xffff ||
      entry.size != size || (size > 16 && header_tail_differs(entry, name))) {
    return HeaderId::other;
  }
  return id;
}

#endif

}  // namespace pingap::http
