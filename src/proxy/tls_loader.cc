#include "proxy/tls_loader.h"

#include <ctime>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "tls/pem_source.h"

namespace pingap::proxy {
namespace {

int version_of(config::TlsVersion version) noexcept {
  return version == config::TlsVersion::tls12 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

// A path names itself; a text must not end up in a log.
std::string shown(const config::Located<std::string>& source) {
  return tls::is_content(source.value) ? "the text given" : fmt::format("`{}`", source.value);
}

std::shared_ptr<const tls::Certificate> load_pair(const config::CertificatePair& pair,
                                                  config::Diagnostics& diagnostics) {
  if (pair.cert.value.empty() || pair.key.value.empty()) {
    return nullptr;  // the loader has said so
  }
  auto chain = tls::read_pem(pair.cert.value, tls::Readers::any);
  if (!chain) {
    diagnostics.error(pair.cert.at, fmt::format("cannot use tls_cert {}", shown(pair.cert)), {},
                      std::move(chain.error()));
  }
  auto key = tls::read_pem(pair.key.value,
                           pair.key_readable ? tls::Readers::any : tls::Readers::no_others);
  if (!key) {
    const bool open = key.error() == "everybody can read it";
    diagnostics.error(pair.key.at, fmt::format("cannot use tls_key {}", shown(pair.key)), {},
                      key.error() + (open ? ": `chmod o-r` it, or set tls_key_readable" : ""));
  }
  if (!chain || !key) {
    return nullptr;
  }
  auto certificate = tls::load_certificate(chain->text, key->text, pair.password);
  if (!certificate) {
    diagnostics.error(pair.cert.at, fmt::format("cannot use tls_cert {}", shown(pair.cert)), {},
                      std::move(certificate.error()));
    return nullptr;
  }
  if ((*certificate)->not_after <= std::time(nullptr)) {
    diagnostics.warning(
        pair.cert.at, fmt::format("the certificate of {} has expired", shown(pair.cert)), {},
        fmt::format("it was valid until {:%Y-%m-%d}", fmt::gmtime((*certificate)->not_after)));
  }
  return std::move(*certificate);
}

std::string read_authorities(std::string_view key, const config::Located<std::string>& source,
                             config::Diagnostics& diagnostics) {
  auto ca = tls::read_pem(source.value, tls::Readers::any);
  if (!ca) {
    diagnostics.error(source.at, fmt::format("cannot use {} {}", key, shown(source)), {},
                      std::move(ca.error()));
    return {};
  }
  return std::move(ca->text);
}

}  // namespace

TlsLoader::TlsLoader(const config::Model& model, config::Diagnostics& diagnostics,
                     tls::TicketKeys& keys)
    : diagnostics_(diagnostics), keys_(keys) {
  for (const config::CertificateEntry& entry : model.certificates) {
    add(entry);
  }
}

void TlsLoader::add(const config::CertificateEntry& entry) {
  auto certificate = load_pair(entry.pair, diagnostics_);
  if (certificate == nullptr) {
    return;
  }
  tls::ServerCertificate served{certificate, {}, entry.is_default};
  for (const auto& domain : entry.domains) {
    std::string name = tls::normal_name(domain.value);
    if (name.empty()) {
      diagnostics_.error(domain.at, fmt::format("`{}` is not a domain name", domain.value),
                         R"("a.example.com" or "*.example.com")", {});
      continue;
    }
    served.names.push_back(std::move(name));
  }
  if (entry.domains.empty()) {
    served.names = certificate->names;
    if (served.names.empty() && !entry.is_default) {
      diagnostics_.warning(entry.pair.cert.at,
                           fmt::format("certificate {} has no names in its SAN", entry.name), {},
                           "give it `domains`: nobody will be shown it");
    }
  }
  store_.push_back(std::move(served));
}

tls::ServerPolicy TlsLoader::policy_of(const config::ServerTls& from) {
  tls::ServerPolicy policy;
  policy.min_version = version_of(from.min_version);
  policy.max_version = version_of(from.max_version);
  policy.ciphers = from.ciphers.value;
  policy.ciphersuites = from.ciphersuites.value;
  policy.curves = from.curves.value;
  policy.h2 = from.h2;
  if (from.client_ca.value.empty() || from.client_auth == config::ClientAuth::off) {
    return policy;
  }
  policy.client_auth = from.client_auth == config::ClientAuth::optional ? tls::ClientAuth::optional
                                                                        : tls::ClientAuth::required;
  policy.client_ca = read_authorities("tls_client_ca", from.client_ca, diagnostics_);
  return policy;
}

std::unique_ptr<tls::ServerContext> TlsLoader::build(const config::ServerTls& from,
                                                     std::string_view section,
                                                     config::Position at) {
  if (!from.on()) {
    return nullptr;
  }
  std::vector<tls::ServerCertificate> certificates;
  if (auto own = load_pair(from.pair, diagnostics_)) {
    certificates.push_back({own, own->names, true});  // before those of the store
  }
  if (from.store) {
    certificates.insert(certificates.end(), store_.begin(), store_.end());
  }
  const size_t errors = diagnostics_.errors();
  const tls::ServerPolicy policy = policy_of(from);
  if (certificates.empty() || diagnostics_.errors() > errors) {
    return nullptr;  // what is wrong with them was said
  }
  auto context = tls::ServerContext::build(policy, certificates, keys_);
  if (!context) {
    diagnostics_.error(at, fmt::format("TLS of [{}]: {}", section, context.error()));
    return nullptr;
  }
  return std::move(*context);
}

std::shared_ptr<const tls::ClientContext> load_client_tls(const config::Upstream& upstream,
                                                          config::Diagnostics& diagnostics) {
  const size_t errors = diagnostics.errors();
  const config::UpstreamTls& from = upstream.tls;
  tls::ClientPolicy policy;
  policy.verify = from.verify;
  policy.certificate = load_pair(from.pair, diagnostics);
  policy.h1 = from.alpn != config::Alpn::h2;
  policy.h2 = from.alpn != config::Alpn::h1;
  if (!from.ca.value.empty()) {
    policy.own_ca = true;
    policy.ca = read_authorities("ca", from.ca, diagnostics);
  }
  if (diagnostics.errors() > errors) {
    return nullptr;
  }
  auto context = tls::ClientContext::build(policy);
  if (!context) {
    diagnostics.error(upstream.at,
                      fmt::format("TLS of [upstreams.{}]: {}", upstream.name, context.error()));
    return nullptr;
  }
  return std::move(*context);
}

}  // namespace pingap::proxy
