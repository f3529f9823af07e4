#include "proxy/certificate_files.h"

#include <utility>

#include "base/file_state.h"
#include "tls/pem_source.h"

namespace pingap::proxy {
namespace {

void add_path(std::vector<std::string>& paths, const config::Located<std::string>& source) {
  std::string path = source.value.empty() ? std::string() : tls::path_of(source.value);
  if (!path.empty()) {
    paths.push_back(std::move(path));
  }
}

void add_pair(std::vector<std::string>& paths, const config::CertificatePair& pair) {
  add_path(paths, pair.cert);
  add_path(paths, pair.key);
}

}  // namespace

void CertificateFiles::look() {
  state.clear();
  for (const std::string& path : paths) {
    state += file_state(path) + ";";
  }
}

CertificateFiles certificate_files(const config::Model& model, const config::ServerTls& tls) {
  CertificateFiles files;
  add_pair(files.paths, tls.pair);
  add_path(files.paths, tls.client_ca);
  if (tls.store) {
    for (const config::CertificateEntry& entry : model.certificates) {
      add_pair(files.paths, entry.pair);
    }
  }
  files.look();
  return files;
}

CertificateFiles certificate_files(const config::UpstreamTls& tls) {
  CertificateFiles files;
  add_path(files.paths, tls.ca);
  add_pair(files.paths, tls.pair);
  files.look();
  return files;
}

}  // namespace pingap::proxy
