// What c-ares does not tell of an answer. Pure; any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>

namespace pingap::upstream {

// How long the answers of a message may be kept: the least of their times (RFC 1035 4.1.3). Nothing
// where the message is cut short, malformed or has no answer.
std::optional<std::chrono::seconds> least_ttl(std::span<const uint8_t> message) noexcept;

// A time as a record has it: one with its highest bit set is zero (RFC 2181 8).
constexpr std::chrono::seconds sane_ttl(uint32_t ttl) noexcept {
  return std::chrono::seconds(ttl > INT32_MAX ? 0 : ttl);
}

}  // namespace pingap::upstream
