#include "proxy/certificate_watch.h"

#include <exception>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "proxy/tls_loader.h"

namespace pingap::proxy {
namespace {

constexpr Duration kInterval = std::chrono::seconds(1);

}  // namespace

CertificateWatch::CertificateWatch(net::EventLoop& loop, const config::Model& model,
                                   const Snapshot& snapshot)
    : loop_(loop), model_(model), snapshot_(snapshot) {
  for (size_t i = 0; i < model.servers.size(); ++i) {
    const Site& site = *snapshot.sites[i];
    if (site.tls != nullptr && !site.certificate_files.paths.empty()) {
      const CertificateFiles& files = site.certificate_files;
      watched_.push_back({&model.servers[i], &site, files, files.state,
                          std::make_unique<Trouble>(Trouble::Part::certificates, site.name)});
    }
  }
  if (!watched_.empty()) {
    loop_.arm(timer_, kInterval);
  }
}

void CertificateWatch::on_timer() noexcept {
  try {
    look();
  } catch (const std::exception& error) {
    PINGAP_LOG(error, "certificates were not looked at: {}", error.what());
  }
  loop_.arm(timer_, kInterval);
}

void CertificateWatch::look() {
  for (Watched& watched : watched_) {
    const std::string before = watched.files.state;
    watched.files.look();
    // Not while they are being written: the state must have stayed for a while.
    if (watched.files.state == before && before != watched.loaded) {
      watched.loaded = before;
      replace(watched);
    }
  }
}

void CertificateWatch::replace(Watched& watched) {
  config::Diagnostics diagnostics;
  TlsLoader loader(model_, diagnostics, *snapshot_.ticket_keys);
  auto context = loader.build(*watched.listener);
  for (const config::Diagnostic& entry : diagnostics.entries()) {
    PINGAP_LOG(error, "certificates of [servers.{}]: {}{}{}", watched.site->name, entry.what,
               entry.hint.empty() ? "" : "; ", entry.hint);
  }
  if (context == nullptr || diagnostics.has_errors()) {
    PINGAP_LOG(error,
               "certificates of [servers.{}] have changed and cannot be used: the old ones "
               "stay",
               watched.site->name);
    watched.trouble->begin(
        fmt::format("they have changed and cannot be used{}{}: the old ones stay",
                    diagnostics.entries().empty() ? "" : ", ",
                    diagnostics.entries().empty() ? "" : diagnostics.entries().front().what));
    return;
  }
  watched.trouble->end();
  watched.site->tls->set(std::move(context));
  PINGAP_LOG(info, "certificates of [servers.{}] are new", watched.site->name);
}

}  // namespace pingap::proxy
