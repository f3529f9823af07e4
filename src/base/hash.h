// A fast hash of bytes (XXH3), the same in every process: for fixed tables and consistent hashing.
// Not for tables that peers fill: it is not keyed. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace pingap {

uint64_t hash64(std::string_view bytes) noexcept;

// SipHash-2-4: for tables that peers fill. Without the key nobody can find texts whose hashes meet.
using HashKey = std::array<uint64_t, 2>;
uint64_t keyed_hash64(std::string_view bytes, const HashKey& key) noexcept;

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
