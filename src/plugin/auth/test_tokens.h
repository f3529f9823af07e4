// Tokens as somebody else would make them, good and bad. For tests.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "tls/openssl.h"

namespace pingap::plugin::test {

inline std::string base64url(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  out.resize(static_cast<size_t>(size));
  while (out.ends_with('=')) {
    out.pop_back();
  }
  for (char& c : out) {
    c = c == '+' ? '-' : c == '/' ? '_' : c;
  }
  return out;
}

class Signer {
 public:
  static Signer rsa(size_t bits = 2048) {
    return Signer(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", bits));
  }

  static Signer ec(const char* curve) {
    return Signer(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", curve));
  }

  static Signer ed25519() { return Signer(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")); }

  // The public key; with a line's end as OpenSSL writes it.
  std::string pem() const {
    const tls::BioPtr bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_PUBKEY(bio.get(), key_.get());
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<size_t>(size)};
  }

  std::string der() const {
    unsigned char* data = nullptr;
    const int size = i2d_PUBKEY(key_.get(), &data);
    std::string made(reinterpret_cast<char*>(data), static_cast<size_t>(size));
    OPENSSL_free(data);
    return made;
  }

  // A key of a set; RSA only.
  std::string jwk(std::string_view id, std::string_view more = "") const {
    return R"({"kty":"RSA","kid":")" + std::string(id) + R"(","n":")" + number("n") + R"(","e":")" +
           number("e") + "\"" + std::string(more) + "}";
  }

  // Of "alg" as it stands in tokens.
  std::string sign(std::string_view alg, std::string_view text) const {
    const EVP_MD* hash = alg.ends_with("256")   ? EVP_sha256()
                         : alg.ends_with("384") ? EVP_sha384()
                         : alg.ends_with("512") ? EVP_sha512()
                                                : nullptr;
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EVP_PKEY_CTX* options = nullptr;
    EXPECT_EQ(EVP_DigestSignInit(context, &options, hash, nullptr, key_.get()), 1);
    if (alg.starts_with("PS")) {
      EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING);
      EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST);
    }
    std::string made(1024, '\0');
    size_t size = made.size();
    EXPECT_EQ(EVP_DigestSign(context, reinterpret_cast<unsigned char*>(made.data()), &size,
                             reinterpret_cast<const unsigned char*>(text.data()), text.size()),
              1);
    EVP_MD_CTX_free(context);
    made.resize(size);
    return alg.starts_with("ES") ? raw(made, alg) : made;
  }

 private:
  explicit Signer(EVP_PKEY* key) : key_(key) { EXPECT_NE(key, nullptr); }

  // r || s of the DER that OpenSSL makes.
  static std::string raw(const std::string& der, std::string_view alg) {
    const size_t half = alg == "ES256" ? 32 : alg == "ES384" ? 48 : 66;
    const auto* from = reinterpret_cast<const unsigned char*>(der.data());
    ECDSA_SIG* signature = d2i_ECDSA_SIG(nullptr, &from, static_cast<long>(der.size()));
    std::string made(2 * half, '\0');
    auto* to = reinterpret_cast<unsigned char*>(made.data());
    BN_bn2binpad(ECDSA_SIG_get0_r(signature), to, static_cast<int>(half));
    BN_bn2binpad(ECDSA_SIG_get0_s(signature), to + half, static_cast<int>(half));
    ECDSA_SIG_free(signature);
    return made;
  }

  std::string number(const char* name) const {
    BIGNUM* value = nullptr;
    EXPECT_EQ(EVP_PKEY_get_bn_param(key_.get(), name, &value), 1);
    std::string bytes(static_cast<size_t>(BN_num_bytes(value)), '\0');
    BN_bn2bin(value, reinterpret_cast<unsigned char*>(bytes.data()));
    BN_free(value);
    return base64url(bytes);
  }

  tls::KeyPtr key_;
};

inline std::string hmac(const EVP_MD* hash, std::string_view key, std::string_view text) {
  std::string made(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  HMAC(hash, key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(),
       reinterpret_cast<unsigned char*>(made.data()), &size);
  made.resize(size);
  return made;
}

}  // namespace pingap::plugin::test
