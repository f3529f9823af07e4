// The keys of session tickets (RFC 5077, RFC 8446 4.6.1): one set for all workers, made at random,
// renewed by itself. Any thread.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>

#include <openssl/evp.h>
#include <openssl/ssl.h>

namespace pingap::tls {

class TicketKeys {
 public:
  using Clock = std::chrono::steady_clock;

  // A key encrypts this long and is then kept for decryption as long again, twice (TLS-02).
  static constexpr auto kRotation = std::chrono::hours(12);
  static constexpr size_t kKept = 3;
  // No session is resumed longer than this after its full handshake.
  static constexpr auto kLifetime = std::chrono::hours(24);

  explicit TicketKeys(Clock::time_point now);
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;
  ~TicketKeys();

  // For a process on this machine that takes over: the keys with their age, secret bytes.
  std::string pass_on();
  // Uses what another process has passed on. False: it is nothing of the kind.
  bool take(std::string_view passed);

  // Makes `context` use them; they outlive it.
  void attach(SSL_CTX* context) noexcept;

  // As OpenSSL's ticket callback: 1 = done, 2 = done and to be renewed, 0 = not ours, -1 = failed.
  int encrypt(Clock::time_point now, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
              EVP_MAC_CTX* mac) noexcept;
  int decrypt(Clock::time_point now, const unsigned char* name, const unsigned char* iv,
              EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac) noexcept;

 private:
  struct Key {
    std::array<unsigned char, 16> name{};
    std::array<unsigned char, 32> cipher{};
    std::array<unsigned char, 32> mac{};
    Clock::time_point made{};
  };

  static Key make_key(Clock::time_point now);
  void rotate(Clock::time_point now);

  std::mutex mutex_;             // held for a copy of a key
  std::array<Key, kKept> keys_;  // the first encrypts
};

}  // namespace pingap::tls
