// Keys of TLS 1.3's records, made of the traffic secrets of a handshake (RFC 8446 7.2, 7.3). All
// cryptography is the library's. Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "tls/openssl.h"

namespace pingap::tls {

using CipherContextPtr = std::unique_ptr<EVP_CIPHER_CTX, Deleter<EVP_CIPHER_CTX_free>>;

// What the records of a connection are protected with.
struct Suite {
  uint16_t id = 0;  // as in RFC 8446 B.4
  const EVP_CIPHER* cipher = nullptr;
  const char* digest = nullptr;
};

// Null where it is none that we make records of.
const Suite* find_suite(uint16_t id) noexcept;

// Wiped when it ends.
class TrafficSecret {
 public:
  static constexpr size_t kMost = 48;

  TrafficSecret() noexcept = default;
  TrafficSecret(const TrafficSecret& other) noexcept = default;
  TrafficSecret& operator=(const TrafficSecret& other) noexcept = default;
  ~TrafficSecret();

  // Nothing where `hex` is none.
  static std::optional<TrafficSecret> parse(std::string_view hex) noexcept;

  bool empty() const noexcept { return size_ == 0; }

  // Fills `out` with what `label` makes of the secret. False: the library has no memory.
  bool expand(const Suite& suite, std::string_view label, unsigned char* out,
              size_t size) const noexcept;
  // That of the keys behind these. False as above.
  bool advance(const Suite& suite) noexcept;

 private:
  std::array<unsigned char, kMost> bytes_{};
  uint8_t size_ = 0;
};

enum class Way : uint8_t { read, write };

// The keys of one way, and how many records they have protected.
class TrafficKeys {
 public:
  static constexpr size_t kTag = 16;

  // `records`: of them, so many were there before.
  TrafficKeys(const Suite& suite, const TrafficSecret& secret, Way way,
              uint64_t records = 0) noexcept;

  // False: the library has no memory; they must not be used.
  bool good() const noexcept { return context_ != nullptr; }

  uint64_t records() const noexcept { return records_; }

  // Those of the next generation (RFC 8446 4.6.3).
  bool update() noexcept;

  // The context for the next record, with the nonce and the additional data set; null as above.
  EVP_CIPHER_CTX* begin(const unsigned char* header, size_t size) noexcept;

 private:
  static constexpr size_t kNonce = 12;

  bool set_up() noexcept;

  const Suite* suite_;
  TrafficSecret secret_;
  Way way_;
  CipherContextPtr context_;
  std::array<unsigned char, kNonce> iv_{};
  uint64_t records_;
};

}  // namespace pingap::tls
