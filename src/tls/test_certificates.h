// Certificates made on the spot. Tests only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "tls/certificate.h"

namespace pingap::tls {

struct TestPair {
  std::string cert;
  std::string key;
};

inline std::string text_of(BIO* bio) {
  const char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<size_t>(size)};
}

// Self-signed, valid for a day, for `names` ("DNS:a.test,IP:127.0.0.1"; empty = without).
inline TestPair make_pair(const std::string& names, const char* curve = "P-256") {
  const KeyPtr key{EVP_EC_gen(curve)};
  const X509Ptr made{X509_new()};
  X509_set_version(made.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), 24 * 60 * 60);
  X509_set_pubkey(made.get(), key.get());
  X509_NAME* name = X509_get_subject_name(made.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
  X509_set_issuer_name(made.get(), name);
  if (!names.empty()) {
    X509_EXTENSION* san =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str());
    X509_add_ext(made.get(), san, -1);
    X509_EXTENSION_free(san);
  }
  X509_sign(made.get(), key.get(), EVP_sha256());
  const BioPtr cert_text{BIO_new(BIO_s_mem())};
  const BioPtr key_text{BIO_new(BIO_s_mem())};
  PEM_write_bio_X509(cert_text.get(), made.get());
  PEM_write_bio_PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return {text_of(cert_text.get()), text_of(key_text.get())};
}

inline std::shared_ptr<const Certificate> make_certificate(const std::string& names) {
  const TestPair pair = make_pair(names);
  return *load_certificate(pair.cert, pair.key, {});
}

}  // namespace pingap::tls
