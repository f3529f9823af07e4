#include "plugin/auth/jwt_algorithm.h"

#include <algorithm>
#include <array>
#include <atomic>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

namespace pingap::plugin {
namespace {

using Family = JwtFamily;

constexpr std::array kAlgorithms = {
    JwtAlgorithm{"HS256", Family::hmac, EVP_sha256, nullptr, 0},
    JwtAlgorithm{"HS384", Family::hmac, EVP_sha384, nullptr, 0},
    JwtAlgorithm{"HS512", Family::hmac, EVP_sha512, nullptr, 0},
    JwtAlgorithm{"RS256", Family::rsa, EVP_sha256, nullptr, 0},
    JwtAlgorithm{"RS384", Family::rsa, EVP_sha384, nullptr, 0},
    JwtAlgorithm{"RS512", Family::rsa, EVP_sha512, nullptr, 0},
    JwtAlgorithm{"PS256", Family::pss, EVP_sha256, nullptr, 0},
    JwtAlgorithm{"PS384", Family::pss, EVP_sha384, nullptr, 0},
    JwtAlgorithm{"PS512", Family::pss, EVP_sha512, nullptr, 0},
    JwtAlgorithm{"ES256", Family::ecdsa, EVP_sha256, "prime256v1", 32},
    JwtAlgorithm{"ES384", Family::ecdsa, EVP_sha384, "secp384r1", 48},
    JwtAlgorithm{"ES512", Family::ecdsa, EVP_sha512, "secp521r1", 66},
    JwtAlgorithm{"EdDSA", Family::eddsa, nullptr, nullptr, 0},
};

const unsigned char* bytes(std::string_view text) noexcept {
  return reinterpret_cast<const unsigned char*>(text.data());
}

constexpr size_t kMaxCoordinate = 66;
// SEQUENCE with a length of up to two bytes, two INTEGERs with a zero in front.
constexpr size_t kMaxDer = 3 + 2 * (2 + 1 + kMaxCoordinate);
using Der = std::array<unsigned char, kMaxDer>;

unsigned char* put_integer(std::string_view number, unsigned char* to) noexcept {
  while (number.size() > 1 && number.front() == '\0') {
    number.remove_prefix(1);
  }
  const bool pad = (static_cast<unsigned char>(number.front()) & 0x80U) != 0;
  *to++ = 0x02;
  *to++ = static_cast<unsigned char>(number.size() + (pad ? 1U : 0U));
  if (pad) {
    *to++ = 0;
  }
  return std::ranges::copy(number, to).out;
}

// r || s of two coordinates (RFC 7518 3.4), as OpenSSL wants it; its size.
size_t to_der(std::string_view signature, Der& out) noexcept {
  const size_t half = signature.size() / 2;
  std::array<unsigned char, kMaxDer> body;
  unsigned char* end = put_integer(signature.substr(0, half), body.data());
  end = put_integer(signature.substr(half), end);
  const auto size = static_cast<size_t>(end - body.data());
  unsigned char* to = out.data();
  *to++ = 0x30;
  if (size >= 0x80) {
    *to++ = 0x81;
  }
  *to++ = static_cast<unsigned char>(size);
  to = std::copy_n(body.data(), size, to);
  return static_cast<size_t>(to - out.data());
}

using MdPtr = std::unique_ptr<EVP_MD_CTX, tls::Deleter<EVP_MD_CTX_free>>;
using MacPtr = std::unique_ptr<EVP_MAC_CTX, tls::Deleter<EVP_MAC_CTX_free>>;

// HMAC of one hash, with the key that it has seen last: a key is two of the blocks that are hashed
// for a token.
struct Mac {
  MacPtr context;  // null: there is no memory
  uint64_t key = 0;
};

MacPtr make_mac(const JwtAlgorithm& algorithm) noexcept {
  EVP_MAC* mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  MacPtr context(EVP_MAC_CTX_new(mac));
  EVP_MAC_free(mac);
  std::string name = EVP_MD_get0_name(algorithm.hash());
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name.data(), 0), OSSL_PARAM_END};
  if (context == nullptr || EVP_MAC_CTX_set_params(context.get(), params) != 1) {
    context.reset();
  }
  return context;
}

// Ready for a text; null where that fails.
EVP_MAC_CTX* start_mac(const JwtAlgorithm& algorithm, std::string_view secret,
                       uint64_t key) noexcept {
  thread_local std::array<Mac, 3> macs;
  Mac& mac = macs[static_cast<size_t>(&algorithm - kAlgorithms.data())];
  if (mac.context == nullptr) {
    mac = {make_mac(algorithm), 0};
  }
  if (mac.context == nullptr) {
    return nullptr;
  }
  const bool again = mac.key == key;
  mac.key = 0;
  if (EVP_MAC_init(mac.context.get(), again ? nullptr : bytes(secret), again ? 0 : secret.size(),
                   nullptr) != 1) {
    return nullptr;
  }
  mac.key = key;
  return mac.context.get();
}

uint64_t next_key() noexcept {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

thread_local uint64_t verified = 0;

}  // namespace

std::span<const JwtAlgorithm> jwt_algorithms() noexcept {
  return kAlgorithms;
}

bool has_jwt_curve(const EVP_PKEY* key, std::string_view curve) noexcept {
  std::array<char, 80> name{};
  size_t size = 0;
  return EVP_PKEY_get_group_name(key, name.data(), name.size(), &size) == 1 &&
         std::string_view(name.data(), size) == curve;
}

const JwtAlgorithm* find_jwt_algorithm(std::string_view name) noexcept {
  const auto* found = std::ranges::find(kAlgorithms, name, &JwtAlgorithm::name);
  return found == kAlgorithms.end() ? nullptr : found;
}

uint64_t JwtKey::verified_by_thread() noexcept {
  return verified;
}

JwtKey::~JwtKey() {
  OPENSSL_cleanse(secret_.data(), secret_.size());
}

JwtKey JwtKey::from_secret(std::string secret) {
  JwtKey key;
  key.secret_ = std::move(secret);
  key.number_ = next_key();
  return key;
}

bool JwtKey::fits(const JwtAlgorithm& algorithm) const noexcept {
  const EVP_PKEY* key = key_.get();
  if (key == nullptr) {
    return algorithm.family == Family::hmac && !secret_.empty();
  }
  switch (algorithm.family) {
    case Family::hmac:
      return false;
    case Family::rsa:
      return EVP_PKEY_is_a(key, "RSA") == 1;
    case Family::pss:
      return EVP_PKEY_is_a(key, "RSA") == 1 || EVP_PKEY_is_a(key, "RSA-PSS") == 1;
    case Family::ecdsa:
      return EVP_PKEY_is_a(key, "EC") == 1 && has_jwt_curve(key, algorithm.curve);
    case Family::eddsa:
      return EVP_PKEY_is_a(key, "ED25519") == 1 || EVP_PKEY_is_a(key, "ED448") == 1;
  }
  return false;
}

bool JwtKey::verify(const JwtAlgorithm& algorithm, std::string_view text,
                    std::string_view signature) const noexcept {
  ++verified;
  const bool valid = algorithm.family == Family::hmac ? verify_mac(algorithm, text, signature)
                                                      : verify_public(algorithm, text, signature);
  ERR_clear_error();  // TLS looks at the thread's queue
  return valid;
}

bool JwtKey::verify_mac(const JwtAlgorithm& algorithm, std::string_view text,
                        std::string_view signature) const noexcept {
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  size_t size = 0;
  if (key_ != nullptr || secret_.empty()) {
    return false;
  }
  EVP_MAC_CTX* context = start_mac(algorithm, secret_, number_);
  return context != nullptr && EVP_MAC_update(context, bytes(text), text.size()) == 1 &&
         EVP_MAC_final(context, mac.data(), &size, mac.size()) == 1 && signature.size() == size &&
         CRYPTO_memcmp(mac.data(), signature.data(), size) == 0;
}

bool JwtKey::verify_public(const JwtAlgorithm& algorithm, std::string_view text,
                           std::string_view signature) const noexcept {
  thread_local const MdPtr context(EVP_MD_CTX_new());
  if (context == nullptr || key_ == nullptr) {
    return false;
  }
  Der der;
  const unsigned char* proof = bytes(signature);
  size_t size = signature.size();
  if (algorithm.family == Family::ecdsa) {
    if (size != 2 * algorithm.coordinate) {
      return false;
    }
    size = to_der(signature, der);
    proof = der.data();
  } else if (size != static_cast<size_t>(EVP_PKEY_get_size(key_.get()))) {
    return false;
  }
  EVP_PKEY_CTX* options = nullptr;
  const EVP_MD* hash = algorithm.hash == nullptr ? nullptr : algorithm.hash();
  bool valid = EVP_DigestVerifyInit(context.get(), &options, hash, nullptr, key_.get()) == 1;
  if (valid && algorithm.family == Family::pss) {
    valid = EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
            EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) == 1;
  }
  valid = valid && EVP_DigestVerify(context.get(), proof, size, bytes(text), text.size()) == 1;
  EVP_MD_CTX_reset(context.get());
  return valid;
}

namespace {

constexpr auto kValues = [] {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::array<int16_t, 256> values{};
  values.fill(-1);
  for (size_t i = 0; i < kAlphabet.size(); ++i) {
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<int16_t>(i);
  }
  return values;
}();

}  // namespace

std::optional<size_t> decode_base64url(std::string_view text, char* out) noexcept {
  uint32_t bits = 0;
  uint32_t held = 0;  // bits that are not written
  char* to = out;
  for (const char c : text) {
    const int value = kValues[static_cast<unsigned char>(c)];
    if (value < 0) {
      return std::nullopt;
    }
    bits = bits << 6 | static_cast<uint32_t>(value);
    held += 6;
    if (held >= 8) {
      held -= 8;
      *to++ = static_cast<char>(bits >> held & 0xff);
    }
  }
  // What is left is no byte, and zero: else two texts would mean the same.
  if (held >= 6 || (bits & ((1U << held) - 1)) != 0) {
    return std::nullopt;
  }
  return static_cast<size_t>(to - out);
}

}  // namespace pingap::plugin
