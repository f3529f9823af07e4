// A fast hash of bytes (XXH3), the same in every process: for fixed tables and consistent hashing.
// Not for tables that peers fill: it is not keyed. Any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace pingap {

uint64_t hash64(std::string_view bytes) noexcept;

// Spreads the bits of a number.
constexpr uint64_t mix64(uint64_t x) noexcept {
  x ^= x >> 32;
  x *= 0xe9846af9b1a615d;
  x ^= x >> 32;
  x *= 0xe9846af9b1a615d;
  x ^= x >> 28;
  return x;
}

}  // namespace pingap
