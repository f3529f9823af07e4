// Integers of HPACK (RFC 7541 5.1). Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pingap::http::hpack {

// What no length or index of ours comes near; larger ones are an error, as overlong forms are.
inline constexpr uint32_t kLargestInteger = (1U << 28) - 1;

// The bytes behind a prefix that is full. False as below.
constexpr bool read_long_integer(std::string_view& in, uint32_t& value) noexcept {
  for (unsigned shift = 0; shift <= 28 && !in.empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(in.front());
    in.remove_prefix(1);
    const uint64_t sum = value + (uint64_t{byte & 0x7fU} << shift);
    if (sum > kLargestInteger) {
      return false;
    }
    value = static_cast<uint32_t>(sum);
    if ((byte & 0x80) == 0) {
      return true;
    }
  }
  return false;
}

// Takes an integer with a prefix of `bits` off the front of `in`. False where it does not end there
// or is too large.
[[gnu::always_inline]] constexpr bool read_integer(std::string_view& in, unsigned bits,
                                                   uint32_t& value) noexcept {
  if (in.empty()) {
    return false;
  }
  const auto most = (1U << bits) - 1;
  value = static_cast<uint8_t>(in.front()) & most;
  in.remove_prefix(1);
  return value < most || read_long_integer(in, value);
}

// The most bytes that write_integer() writes.
inline constexpr size_t kIntegerRoom = 6;

// Writes `value` behind the bits `high` of the first byte; the end of it.
constexpr char* write_integer(char* to, uint8_t high, unsigned bits, uint32_t value) noexcept {
  const auto most = (1U << bits) - 1;
  if (value < most) {
    *to++ = static_cast<char>(high | value);
    return to;
  }
  *to++ = static_cast<char>(high | most);
  for (value -= most; value >= 0x80; value >>= 7) {
    *to++ = static_cast<char>(0x80 | (value & 0x7f));
  }
  *to++ = static_cast<char>(value);
  return to;
}

}  // namespace pingap::http::hpack
