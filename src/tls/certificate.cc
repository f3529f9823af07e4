#include "tls/certificate.h"

#include <arpa/inet.h>
#include <array>
#include <cstring>
#include <utility>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace pingap::tls {
namespace {

template <class T>
using Loaded = tl::expected<T, std::string>;

BioPtr view_of(std::string_view text) {
  return BioPtr{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
}

int give_password(char* buffer, int size, int /*writing*/, void* data) {
  const auto& password = *static_cast<const std::string_view*>(data);
  if (password.empty() || password.size() > static_cast<size_t>(size)) {
    return -1;
  }
  std::memcpy(buffer, password.data(), password.size());
  return static_cast<int>(password.size());
}

Loaded<std::vector<X509Ptr>> read_chain(std::string_view pem) {
  const BioPtr source = view_of(pem);
  std::vector<X509Ptr> chain;
  while (X509* next = PEM_read_bio_X509(source.get(), nullptr, nullptr, nullptr)) {
    chain.emplace_back(next);
  }
  const std::string error = take_errors();
  if (chain.empty()) {
    return tl::unexpected<std::string>("it holds no certificate in PEM form");
  }
  if (!error.empty() && error != "no start line") {
    return tl::unexpected("its chain cannot be read: " + error);
  }
  return chain;
}

Loaded<KeyPtr> read_key(std::string_view pem, std::string_view password) {
  const BioPtr source = view_of(pem);
  KeyPtr key{PEM_read_bio_PrivateKey(source.get(), nullptr, give_password, &password)};
  take_errors();
  if (key != nullptr) {
    return key;
  }
  if (pem.find("ENCRYPTED") != std::string_view::npos) {
    return tl::unexpected<std::string>(password.empty()
                                           ? "the key is encrypted and there is no password"
                                           : "the password does not open the key");
  }
  return tl::unexpected<std::string>("it holds no private key in PEM form");
}

std::string name_of(const GENERAL_NAME& name) {
  if (name.type == GEN_DNS) {
    const auto* text = reinterpret_cast<const char*>(ASN1_STRING_get0_data(name.d.dNSName));
    return normal_name({text, static_cast<size_t>(ASN1_STRING_length(name.d.dNSName))});
  }
  if (name.type == GEN_IPADD) {
    const int size = ASN1_STRING_length(name.d.iPAddress);
    std::array<char, INET6_ADDRSTRLEN> text{};
    if ((size == 4 || size == 16) &&
        inet_ntop(size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(name.d.iPAddress),
                  text.data(), text.size()) != nullptr) {
      return text.data();
    }
  }
  return {};
}

std::vector<std::string> names_of(const X509* leaf) {
  std::vector<std::string> names;
  auto* found =
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(leaf, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(found); ++i) {
    std::string name = name_of(*sk_GENERAL_NAME_value(found, i));
    if (!name.empty()) {
      names.push_back(std::move(name));
    }
  }
  GENERAL_NAMES_free(found);
  return names;
}

time_t to_time(const ASN1_TIME* time) {
  tm parts{};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? timegm(&parts) : 0;
}

bool is_label(std::string_view label) {
  if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') {
    return false;
  }
  for (const char c : label) {
    const bool ok = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (!ok) {
      return false;
    }
  }
  return true;
}

}  // namespace

std::string normal_name(std::string_view name) {
  if (name.ends_with('.')) {
    name.remove_suffix(1);
  }
  if (name.empty() || name.size() > 253) {
    return {};
  }
  std::string normal(name);
  for (char& c : normal) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  }
  std::string_view rest = normal;
  bool more = true;
  if (rest.starts_with("*.")) {
    rest.remove_prefix(2);
    more = rest.find('.') != std::string_view::npos;  // "*.test" stands for a whole top level
    if (!more) {
      return {};
    }
  }
  while (more) {
    const size_t dot = rest.find('.');
    if (!is_label(rest.substr(0, dot))) {
      return {};
    }
    more = dot != std::string_view::npos;
    rest.remove_prefix(more ? dot + 1 : rest.size());
  }
  return normal;
}

Loaded<std::shared_ptr<const Certificate>> load_certificate(std::string_view chain_pem,
                                                            std::string_view key_pem,
                                                            std::string_view password) {
  take_errors();  // of somebody else
  auto chain = read_chain(chain_pem);
  if (!chain) {
    return tl::unexpected("certificate: " + chain.error());
  }
  auto key = read_key(key_pem, password);
  if (!key) {
    return tl::unexpected("key: " + key.error());
  }
  auto made = std::make_shared<Certificate>();
  made->leaf = std::move(chain->front());
  chain->erase(chain->begin());
  made->chain = std::move(*chain);
  made->key = std::move(*key);
  if (X509_check_private_key(made->leaf.get(), made->key.get()) != 1) {
    take_errors();
    return tl::unexpected<std::string>("certificate and key do not belong together");
  }
  made->names = names_of(made->leaf.get());
  made->not_before = to_time(X509_get0_notBefore(made->leaf.get()));
  made->not_after = to_time(X509_get0_notAfter(made->leaf.get()));
  return std::shared_ptr<const Certificate>(std::move(made));
}

tl::expected<std::vector<X509Ptr>, std::string> load_authorities(std::string_view pem) {
  take_errors();  // of somebody else
  const BioPtr source{BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))};
  std::vector<X509Ptr> all;
  while (X509Ptr one{PEM_read_bio_X509(source.get(), nullptr, nullptr, nullptr)}) {
    all.push_back(std::move(one));
  }
  const std::string error = take_errors();
  if (all.empty() || (!error.empty() && error != "no start line")) {
    return tl::unexpected<std::string>("it holds no readable certificate");
  }
  return all;
}

bool use_certificate(SSL_CTX* context, const Certificate& certificate) {
  STACK_OF(X509)* chain = sk_X509_new_null();
  for (const X509Ptr& one : certificate.chain) {
    sk_X509_push(chain, one.get());
  }
  const bool used = SSL_CTX_use_cert_and_key(context, certificate.leaf.get(), certificate.key.get(),
                                             chain, 1) == 1;
  sk_X509_free(chain);
  return used;
}

std::string subject_of(const X509* certificate) {
  const BioPtr text{BIO_new(BIO_s_mem())};
  if (X509_NAME_print_ex(text.get(), X509_get_subject_name(certificate), 0,
                         XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) < 0) {
    return {};
  }
  const char* data = nullptr;
  const long size = BIO_get_mem_data(text.get(), &data);
  return {data, static_cast<size_t>(size)};
}

std::string fingerprint_of(const X509* certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (X509_digest(certificate, EVP_sha256(), digest.data(), &size) != 1) {
    return {};
  }
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    text += kHex[digest[i] >> 4];
    text += kHex[digest[i] & 15];
  }
  return text;
}

}  // namespace pingap::tls
