// A certificate with its chain and key, as loaded and checked. Control thread; immutable.
#pragma once

#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "tls/openssl.h"

namespace pingap::tls {

struct Certificate {
  X509Ptr leaf;
  std::vector<X509Ptr> chain;  // intermediates, in the order of the file
  KeyPtr key;
  std::vector<std::string> names;  // of the SAN: DNS names in lower case, addresses as text
  time_t not_before = 0;
  time_t not_after = 0;

  // Of its key: certificates of different types can serve one name.
  int key_type() const noexcept { return EVP_PKEY_get_base_id(key.get()); }
};

// Reads PEM texts. The error is for people and never quotes the key.
tl::expected<std::shared_ptr<const Certificate>, std::string> load_certificate(
    std::string_view chain_pem, std::string_view key_pem, std::string_view password);

// Certificates of authorities from a PEM text, one at least.
tl::expected<std::vector<X509Ptr>, std::string> load_authorities(std::string_view pem);

// Makes `context` show it; false where OpenSSL refuses.
bool use_certificate(SSL_CTX* context, const Certificate& certificate);

// Whose it is, as in RFC 4514, and its SHA-256 in lower-case hex.
std::string subject_of(const X509* certificate);
std::string fingerprint_of(const X509* certificate);

// A name of a certificate as it is looked up: lower case, "*." only as the whole first label.
// Empty where it is none (TLS-12, TLS-13).
std::string normal_name(std::string_view name);

}  // namespace pingap::tls
