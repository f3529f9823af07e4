// Keys for tokens from PEM and from JSON (RFC 7518 6, RFC 8037 2).
#include <algorithm>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "plugin/auth/jwt_algorithm.h"

namespace pingap::plugin {
namespace {

const unsigned char* bytes(std::string_view text) noexcept {
  return reinterpret_cast<const unsigned char*>(text.data());
}

using Bytes = std::string;

std::optional<Bytes> decode(std::string_view text) {
  Bytes out(text.size(), '\0');
  const auto size = decode_base64url(text, out.data());
  if (!size || *size == 0) {
    return std::nullopt;
  }
  out.resize(*size);
  return out;
}

// OpenSSL takes numbers in the machine's order.
OSSL_PARAM number_param(const char* name, Bytes& big_endian) {
  std::ranges::reverse(big_endian);
  return OSSL_PARAM_construct_BN(name, reinterpret_cast<unsigned char*>(big_endian.data()),
                                 big_endian.size());
}

tls::KeyPtr make_key(const char* type, std::span<OSSL_PARAM> params) {
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr);
  EVP_PKEY* key = nullptr;
  if (context == nullptr || EVP_PKEY_fromdata_init(context) != 1 ||
      EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params.data()) != 1) {
    key = nullptr;
  }
  EVP_PKEY_CTX_free(context);
  return tls::KeyPtr(key);
}

tls::KeyPtr rsa_key(const JsonKey& from) {
  auto n = decode(from.get("n"));
  auto e = decode(from.get("e"));
  if (!n || !e) {
    return nullptr;
  }
  OSSL_PARAM params[] = {number_param(OSSL_PKEY_PARAM_RSA_N, *n),
                         number_param(OSSL_PKEY_PARAM_RSA_E, *e), OSSL_PARAM_END};
  return make_key("RSA", params);
}

tls::KeyPtr ec_key(const JsonKey& from) {
  constexpr std::pair<std::string_view, std::string_view> kCurves[] = {
      {"P-256", "ES256"}, {"P-384", "ES384"}, {"P-521", "ES512"}};
  for (const auto& [curve, name_of_algorithm] : kCurves) {
    if (from.get("crv") != curve) {
      continue;
    }
    const JwtAlgorithm& algorithm = *find_jwt_algorithm(name_of_algorithm);
    const auto x = decode(from.get("x"));
    const auto y = decode(from.get("y"));
    if (!x || !y || x->size() != algorithm.coordinate || y->size() != algorithm.coordinate) {
      return nullptr;
    }
    Bytes point = "\x04" + *x + *y;  // SEC 1 2.3.3
    std::string name = algorithm.curve;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, name.data(), 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()),
        OSSL_PARAM_END};
    return make_key("EC", params);
  }
  return nullptr;
}

tls::KeyPtr okp_key(const JsonKey& from) {
  const std::string_view curve = from.get("crv");
  const auto x = decode(from.get("x"));
  if (!x || (curve != "Ed25519" && curve != "Ed448")) {
    return nullptr;
  }
  return tls::KeyPtr(EVP_PKEY_new_raw_public_key(
      curve == "Ed448" ? EVP_PKEY_ED448 : EVP_PKEY_ED25519, nullptr, bytes(*x), x->size()));
}

constexpr int kLeastRsa = 2048;
constexpr int kMostRsa = 8192;  // the time of a check grows with its square

// Empty: the key will do.
std::string fault_of(const EVP_PKEY* key) {
  if (EVP_PKEY_is_a(key, "RSA") == 1 || EVP_PKEY_is_a(key, "RSA-PSS") == 1) {
    const int bits = EVP_PKEY_get_bits(key);
    return bits >= kLeastRsa && bits <= kMostRsa
               ? std::string()
               : "an RSA key must have 2048 to 8192 bits, not " + std::to_string(bits);
  }
  if (EVP_PKEY_is_a(key, "EC") == 1) {
    const bool known = std::ranges::any_of(jwt_algorithms(), [&](const JwtAlgorithm& one) {
      return one.curve != nullptr && has_jwt_curve(key, one.curve);
    });
    return known ? "" : "the curve of the key is not P-256, P-384 or P-521";
  }
  if (EVP_PKEY_is_a(key, "ED25519") == 1 || EVP_PKEY_is_a(key, "ED448") == 1) {
    return {};
  }
  return "this kind of key is not for signatures of tokens: RSA, EC, Ed25519 or Ed448";
}

bool is_valid_point(EVP_PKEY* key) {
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(key, nullptr);
  const bool valid = context != nullptr && EVP_PKEY_public_check(context) == 1;
  EVP_PKEY_CTX_free(context);
  return valid;
}

bool is_for_signatures(const JsonKey& key) {
  const std::string_view use = key.get("use");
  return (use.empty() || use == "sig") &&
         (!key.has_operations ||
          std::ranges::find(key.operations, "verify") != key.operations.end());
}

}  // namespace

tl::expected<JwtKey, std::string> JwtKey::from_pem(std::string_view pem) {
  JwtKey made;
  const auto open = [&] {
    return tls::BioPtr(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  };
  // A password would be asked for on the terminal: there is none.
  const auto no_password = [](char*, int, int, void*) { return -1; };
  made.key_.reset(PEM_read_bio_PUBKEY(open().get(), nullptr, no_password, nullptr));
  if (made.key_ == nullptr) {
    const tls::X509Ptr certificate(PEM_read_bio_X509(open().get(), nullptr, no_password, nullptr));
    made.key_.reset(certificate == nullptr ? nullptr : X509_get_pubkey(certificate.get()));
  }
  ERR_clear_error();
  if (made.key_ == nullptr) {
    return tl::unexpected<std::string>(
        "there is no public key in it: PEM with \"BEGIN PUBLIC KEY\" or \"BEGIN CERTIFICATE\"");
  }
  if (std::string fault = fault_of(made.key_.get()); !fault.empty()) {
    return tl::unexpected(std::move(fault));
  }
  return made;
}

std::optional<JwtKey> JwtKey::from_json(const JsonKey& from) {
  const std::string_view type = from.get("kty");
  if (!is_for_signatures(from)) {
    return std::nullopt;
  }
  JwtKey made;
  made.id_ = from.get("kid");
  made.only_ = from.get("alg");
  if (!made.only_.empty() && find_jwt_algorithm(made.only_) == nullptr) {
    return std::nullopt;
  }
  if (type == "RSA") {
    made.key_ = rsa_key(from);
  } else if (type == "EC") {
    made.key_ = ec_key(from);
  } else if (type == "OKP") {
    made.key_ = okp_key(from);
  }
  // "oct" is a secret, which has no place in a set of public keys.
  const bool usable =
      made.key_ != nullptr && fault_of(made.key_.get()).empty() && is_valid_point(made.key_.get());
  ERR_clear_error();
  return usable ? std::optional(std::move(made)) : std::nullopt;
}

std::optional<std::vector<JwtKey>> read_jwks(std::string_view text) {
  const auto keys = read_key_set(text);
  if (!keys) {
    return std::nullopt;
  }
  std::vector<JwtKey> made;
  for (const JsonKey& one : *keys) {
    if (auto key = JwtKey::from_json(one)) {
      made.push_back(std::move(*key));
    }
  }
  return made;
}

}  // namespace pingap::plugin
