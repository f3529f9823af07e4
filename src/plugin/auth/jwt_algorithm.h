// The algorithms of RFC 7518 3 and RFC 8037, keys for them, and whether a signature is one. A key
// says which algorithms it is for; the token only may choose among these. Any thread: a key is
// immutable once made.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "plugin/auth/jwt_json.h"
#include "tls/openssl.h"

namespace pingap::plugin {

enum class JwtFamily : uint8_t { hmac, rsa, pss, ecdsa, eddsa };

struct JwtAlgorithm {
  std::string_view name;
  JwtFamily family;
  const EVP_MD* (*hash)();  // null: the key says
  const char* curve;        // of ECDSA, as OpenSSL has it
  size_t coordinate;        // bytes of it
};

std::span<const JwtAlgorithm> jwt_algorithms() noexcept;
// By its exact name; null if there is none. "none" is none.
const JwtAlgorithm* find_jwt_algorithm(std::string_view name) noexcept;

// Whether an EC key is on it.
bool has_jwt_curve(const EVP_PKEY* key, std::string_view curve) noexcept;

class JwtKey {
 public:
  // A text of at least 32 bytes (RFC 7518 3.2), unless the caller has looked at that.
  static JwtKey from_secret(std::string secret);
  // SubjectPublicKeyInfo, an RSA key or a certificate. The error says what is wrong with it.
  static tl::expected<JwtKey, std::string> from_pem(std::string_view pem);
  // nullopt for what is not for signatures, or not known, or too weak: such a key is passed over.
  static std::optional<JwtKey> from_json(const JsonKey& key);

  // Whether the key is of the kind that the algorithm needs.
  bool fits(const JwtAlgorithm& algorithm) const noexcept;

  // `signature` as it stands in a token, of `text`. To be asked only where fits() and allows()
  // hold.
  bool verify(const JwtAlgorithm& algorithm, std::string_view text,
              std::string_view signature) const noexcept;

  // How many signatures this thread has worked out, of all keys.
  static uint64_t verified_by_thread() noexcept;

  std::string_view id() const noexcept { return id_; }  // "kid"; may be empty

  // The key itself names an algorithm, which then is the only one.
  bool allows(const JwtAlgorithm& algorithm) const noexcept {
    return only_.empty() || only_ == algorithm.name;
  }

  JwtKey(JwtKey&&) noexcept = default;
  JwtKey& operator=(JwtKey&&) noexcept = default;
  ~JwtKey();

 private:
  JwtKey() = default;

  bool verify_mac(const JwtAlgorithm& algorithm, std::string_view text,
                  std::string_view signature) const noexcept;
  bool verify_public(const JwtAlgorithm& algorithm, std::string_view text,
                     std::string_view signature) const noexcept;

  std::string id_;
  std::string only_;
  std::string secret_;   // wiped
  uint64_t number_ = 0;  // of the secret; of no other in this process
  tls::KeyPtr key_;      // null: secret_ is it
};

// Of {"keys": [...]}: those that can be used. nullopt for what is no such text.
std::optional<std::vector<JwtKey>> read_jwks(std::string_view text);

// Base64url without padding (RFC 7515 2), each bit of it: nullopt for anything else. `out` has room
// for 3/4 of the characters.
std::optional<size_t> decode_base64url(std::string_view text, char* out) noexcept;

}  // namespace pingap::plugin
