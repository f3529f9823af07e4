// Secrets compared in constant time, and hashes of them that say nothing without the key, which is
// this process's own. Any thread; contexts are kept per thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace pingap::plugin {

using Digest = std::array<uint8_t, 32>;

// HMAC-SHA256 (RFC 2104).
Digest hmac_sha256(std::string_view key, std::string_view text) noexcept;

// With the key of this process: to look secrets up by, and to remember them by.
Digest keyed_digest(std::string_view text) noexcept;
Digest sha256(std::string_view text) noexcept;

// In a time that does not depend on where they differ.
bool same(const Digest& a, const Digest& b) noexcept;
// The same of texts of any length: also that is not told.
bool same_secret(std::string_view a, std::string_view b) noexcept;

// "0f1e..." of 64 digits, or false.
bool parse_hex(std::string_view text, Digest& out) noexcept;

struct DigestHash {
  size_t operator()(const Digest& digest) const noexcept {
    size_t bits = 0;
    static_assert(sizeof(bits) <= sizeof(digest));
    __builtin_memcpy(&bits, digest.data(), sizeof(bits));
    return bits;
  }
};

}  // namespace pingap::plugin
