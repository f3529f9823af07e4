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

// What is wrong with texts, or with the files that they name.
class Problems {
 public:
  Problems(config::Diagnostics& diagnostics, BadFiles bad_files)
      : diagnostics_(diagnostics), bad_files_(bad_files) {}

  void add(std::string_view key, const config::Located<std::string>& source, std::string why) {
    std::string what = fmt::format("cannot use {} {}", key, shown(source));
    if (bad_files_ == BadFiles::refused || tls::is_content(source.value)) {
      diagnostics_.error(source.at, std::move(what), {}, std::move(why));
      return;
    }
    if (left_out_.empty()) {
      left_out_ = fmt::format("{}: {}", what, why);
    }
    diagnostics_.warning(source.at, std::move(what), {}, std::move(why));
  }

  config::Diagnostics& diagnostics() noexcept { return diagnostics_; }

  // The first file that does not count; empty: all do, or that is an error.
  const std::string& left_out() const noexcept { return left_out_; }

 private:
  config::Diagnostics& diagnostics_;
  const BadFiles bad_files_;
  std::string left_out_;
};

std::shared_ptr<const tls::Certificate> load_pair(const config::CertificatePair& pair,
                                                  Problems& problems) {
  if (pair.cert.value.empty() || pair.key.value.empty()) {
    return nullptr;  // the loader has said so
  }
  auto chain = tls::read_pem(pair.cert.value, tls::Readers::any);
  if (!chain) {
    problems.add("tls_cert", pair.cert, std::move(chain.error()));
  }
  auto key = tls::read_pem(pair.key.value,
                           pair.key_readable ? tls::Readers::any : tls::Readers::no_others);
  if (!key) {
    const bool open = key.error() == "everybody can read it";
    problems.add("tls_key", pair.key,
                 key.error() + (open ? ": `chmod o-r` it, or set tls_key_readable" : ""));
  }
  if (!chain || !key) {
    return nullptr;
  }
  auto certificate = tls::load_certificate(chain->text, key->text, pair.password);
  if (!certificate) {
    problems.add("tls_cert", pair.cert, std::move(certificate.error()));
    return nullptr;
  }
  if ((*certificate)->not_after <= std::time(nullptr)) {
    problems.diagnostics().warning(
        pair.cert.at, fmt::format("the certificate of {} has expired", shown(pair.cert)), {},
        fmt::format("it was valid until {:%Y-%m-%d}", fmt::gmtime((*certificate)->not_after)));
  }
  return std::move(*certificate);
}

std::string read_authorities(std::string_view key, const config::Located<std::string>& source,
                             Problems& problems) {
  auto ca = tls::read_pem(source.value, tls::Readers::any);
  if (!ca) {
    problems.add(key, source, std::move(ca.error()));
    return {};
  }
  if (auto loaded = tls::load_authorities(ca->text); !loaded) {
    problems.add(key, source, std::move(loaded.error()));
    return {};
  }
  return std::move(ca->text);
}

tls::ServerPolicy policy_of(const config::ServerTls& from, Problems& problems) {
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
  policy.client_ca = read_authorities("tls_client_ca", from.client_ca, problems);
  return policy;
}

}  // namespace

BadFiles bad_files_for(Finding finding) noexcept {
  return finding == Finding::healing ? BadFiles::left_out : BadFiles::refused;
}

TlsLoader::TlsLoader(const config::Model& model, config::Diagnostics& diagnostics,
                     tls::TicketKeys& keys, BadFiles bad_files)
    : diagnostics_(diagnostics), keys_(keys), bad_files_(bad_files) {
  for (const config::CertificateEntry& entry : model.certificates) {
    add(entry);
  }
}

void TlsLoader::add(const config::CertificateEntry& entry) {
  Problems problems(diagnostics_, bad_files_);
  auto certificate = load_pair(entry.pair, problems);
  if (certificate == nullptr) {
    if (left_out_.empty()) {
      left_out_ = problems.left_out();
    }
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

TlsLoader::Built TlsLoader::build(const config::ServerTls& from, std::string_view section,
                                  config::Position at) {
  if (!from.on()) {
    return {};
  }
  const size_t errors = diagnostics_.errors();
  Problems problems(diagnostics_, bad_files_);
  std::vector<tls::ServerCertificate> certificates;
  if (auto own = load_pair(from.pair, problems)) {
    certificates.push_back({own, own->names, true});  // before those of the store
  }
  const tls::ServerPolicy policy = policy_of(from, problems);
  if (!problems.left_out().empty()) {
    return {nullptr, problems.left_out()};
  }
  Built built;
  if (from.store) {
    certificates.insert(certificates.end(), store_.begin(), store_.end());
    built.left_out = left_out_;
  }
  if (certificates.empty() || diagnostics_.errors() > errors) {
    return built;  // what is wrong with them was said
  }
  auto context = tls::ServerContext::build(policy, certificates, keys_);
  if (!context) {
    diagnostics_.error(at, fmt::format("TLS of [{}]: {}", section, context.error()));
    return built;
  }
  built.context = std::move(*context);
  return built;
}

ClientTls load_client_tls(const config::UpstreamTls& from, std::string_view section,
                          config::Position at, config::Diagnostics& diagnostics,
                          BadFiles bad_files) {
  const size_t errors = diagnostics.errors();
  Problems problems(diagnostics, bad_files);
  tls::ClientPolicy policy;
  policy.verify = from.verify;
  policy.certificate = load_pair(from.pair, problems);
  policy.h1 = from.alpn != config::Alpn::h2;
  policy.h2 = from.alpn != config::Alpn::h1;
  if (!from.ca.value.empty()) {
    policy.own_ca = true;
    policy.ca = read_authorities("ca", from.ca, problems);
  }
  if (diagnostics.errors() > errors || !problems.left_out().empty()) {
    return {nullptr, problems.left_out()};
  }
  auto context = tls::ClientContext::build(policy);
  if (!context) {
    diagnostics.error(at, fmt::format("TLS of [{}]: {}", section, context.error()));
    return {};
  }
  return {std::move(*context), {}};
}

}  // namespace pingap::proxy
