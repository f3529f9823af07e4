#include "proxy/certificate_watch.h"

#include <exception>
#include <utility>

#include "base/file_state.h"
#include "base/log.h"
#include "proxy/tls_loader.h"
#include "tls/pem_source.h"

namespace pingap::proxy {
namespace {

constexpr Duration kInterval = std::chrono::seconds(1);

std::string state_of(const std::vector<std::string>& paths) {
  std::string state;
  for (const std::string& path : paths) {
    state += file_state(path) + ";";
  }
  return state;
}

void add_path(std::vector<std::string>& paths, const config::Located<std::string>& source) {
  std::string path = source.value.empty() ? std::string() : tls::path_of(source.value);
  if (!path.empty()) {
    paths.push_back(std::move(path));
  }
}

}  // namespace

CertificateWatch::CertificateWatch(net::EventLoop& loop, const config::Model& model,
                                   const Snapshot& snapshot)
    : loop_(loop), model_(model), snapshot_(snapshot) {
  for (size_t i = 0; i < model.servers.size(); ++i) {
    if (snapshot.sites[i]->tls != nullptr) {
      watch(model.servers[i], *snapshot.sites[i]);
    }
  }
  if (!watched_.empty()) {
    loop_.arm(timer_, kInterval);
  }
}

void CertificateWatch::watch(const config::Listener& listener, const Site& site) {
  Watched watched{&listener, &site, {}, {}, {}};
  add_path(watched.paths, listener.tls.pair.cert);
  add_path(watched.paths, listener.tls.pair.key);
  add_path(watched.paths, listener.tls.client_ca);
  if (listener.tls.store) {
    for (const config::CertificateEntry& entry : model_.certificates) {
      add_path(watched.paths, entry.pair.cert);
      add_path(watched.paths, entry.pair.key);
    }
  }
  watched.loaded = state_of(watched.paths);
  watched.seen = watched.loaded;
  if (!watched.paths.empty()) {
    watched_.push_back(std::move(watched));
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
    std::string now = state_of(watched.paths);
    // Not while they are being written: the state must have stayed for a while.
    if (now == watched.seen && now != watched.loaded) {
      watched.loaded = now;
      replace(watched);
    }
    watched.seen = std::move(now);
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
    return;
  }
  watched.site->tls->set(std::move(context));
  PINGAP_LOG(info, "certificates of [servers.{}] are new", watched.site->name);
}

}  // namespace pingap::proxy
