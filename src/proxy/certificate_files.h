// The files that a listener's certificates come from. Control thread; blocks on the file system.
#pragma once

#include <string>
#include <vector>

#include "config/model.h"

namespace pingap::proxy {

struct CertificateFiles {
  std::vector<std::string> paths;
  std::string state;  // differs whenever the contents of one may; as of now
  // One that cannot be used, and whose certificate is not served for that; a text for people.
  std::string left_out;

  void look();
};

CertificateFiles certificate_files(const config::Model& model, const config::ServerTls& tls);
CertificateFiles certificate_files(const config::UpstreamTls& tls);

}  // namespace pingap::proxy
