#include "proxy/certificate_watch.h"

#include <exception>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"

namespace pingap::proxy {
namespace {

constexpr Duration kInterval = std::chrono::seconds(1);

// All of them, or none.
std::optional<std::string> load_upstream(UpstreamTls& tls, const std::string& section,
                                         config::Position at, config::Diagnostics& diagnostics,
                                         BadFiles bad_files) {
  std::vector<tls::LiveClient::Pointer> contexts;
  contexts.reserve(tls.uses.size());
  for (const UpstreamTls::Use& use : tls.uses) {
    contexts.push_back(load_client_tls(use.settings, section, at, diagnostics, bad_files).context);
    if (contexts.back() == nullptr) {
      return std::nullopt;
    }
  }
  for (size_t i = 0; i < contexts.size(); ++i) {
    tls.uses[i].live->set(std::move(contexts[i]));
  }
  return std::string();
}

}  // namespace

CertificateWatch::CertificateWatch(net::EventLoop& loop, const config::Model& model,
                                   const Snapshot& snapshot)
    : loop_(loop), model_(model), snapshot_(snapshot) {
  watched_.reserve(model.servers.size() + 1 + snapshot.clusters.size());
  for (size_t i = 0; i < model.servers.size(); ++i) {
    const config::Listener& server = model.servers[i];
    const Site& site = *snapshot.sites[i];
    watch_server(server.tls, server.at, "servers." + server.name, site.tls.get(),
                 site.certificate_files);
  }
  watch_server(model.metrics.tls, model.metrics.at, "metrics", snapshot.metrics_tls.get(),
               snapshot.metrics_files);
  for (const auto& cluster : snapshot.clusters) {
    watch_upstream(*cluster);
  }
  if (!watched_.empty()) {
    loop_.arm(timer_, kInterval);
  }
}

void CertificateWatch::watch_server(const config::ServerTls& settings, config::Position at,
                                    std::string section, tls::LiveServer* live,
                                    const CertificateFiles& files) {
  if (live == nullptr || files.paths.empty()) {
    return;
  }
  const auto load = [this, &settings, at, live](const Watched& watched,
                                                config::Diagnostics& diagnostics,
                                                BadFiles bad_files) -> std::optional<std::string> {
    TlsLoader loader(model_, diagnostics, *snapshot_.ticket_keys, bad_files);
    auto [context, left_out] = loader.build(settings, watched.section, at);
    if (context == nullptr || diagnostics.has_errors()) {
      return std::nullopt;
    }
    live->set(std::move(context));
    return left_out;
  };
  add({std::move(section), files, files.state, load, [live] { return live->ready(); },
       "every connection is closed"});
}

// What is in use stays with the upstream over reloads, and so does what is known of its files.
void CertificateWatch::watch_upstream(const Cluster& cluster) {
  UpstreamTls& tls = *cluster.tls;
  if (tls.uses.empty() || tls.files.paths.empty()) {
    return;
  }
  const auto load = [&tls, at = cluster.source.at](const Watched& watched,
                                                   config::Diagnostics& diagnostics,
                                                   BadFiles bad_files) {
    auto loaded = load_upstream(tls, watched.section, at, diagnostics, bad_files);
    if (loaded) {
      tls.files.state = watched.loaded;
      tls.files.left_out.clear();
    }
    return loaded;
  };
  add({"upstreams." + cluster.name, tls.files, tls.files.state, load,
       [&tls] { return tls.uses.front().live->ready(); }, "there is no TLS to its servers"});
}

void CertificateWatch::add(Watched watched) {
  watched.trouble = std::make_unique<Trouble>(
      Trouble::Part::certificates, watched.section.substr(watched.section.find('.') + 1));
  tell_left_out(watched);
  watched_.push_back(std::move(watched));
}

// Of the start: what is served later may do without.
void CertificateWatch::tell_left_out(const Watched& watched) {
  const std::string& left_out = watched.files.left_out;
  if (left_out.empty()) {
    watched.trouble->end();
  } else {
    watched.trouble->begin(
        fmt::format("{}; {} until it can be used", left_out,
                    watched.ready() ? std::string_view("it is not served") : watched.without));
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

// Where something is left out, what else there is by now is served already.
void CertificateWatch::replace(Watched& watched) {
  const bool healing = !watched.files.left_out.empty();
  config::Diagnostics diagnostics;
  auto left_out =
      watched.load(watched, diagnostics, healing ? BadFiles::left_out : BadFiles::refused);
  for (const config::Diagnostic& entry : diagnostics.entries()) {
    PINGAP_LOG(error, "certificates of [{}]: {}{}{}", watched.section, entry.what,
               entry.hint.empty() ? "" : "; ", entry.hint);
  }
  if (!left_out) {
    const std::string_view instead =
        watched.ready() ? std::string_view("the old ones stay") : watched.without;
    PINGAP_LOG(error, "certificates of [{}] have changed and cannot be used: {}", watched.section,
               instead);
    watched.trouble->begin(fmt::format(
        "they have changed and cannot be used{}{}: {}", diagnostics.entries().empty() ? "" : ", ",
        diagnostics.entries().empty() ? "" : diagnostics.entries().front().what, instead));
    return;
  }
  watched.files.left_out = std::move(*left_out);
  tell_left_out(watched);
  PINGAP_LOG(info, "certificates of [{}] are new", watched.section);
}

}  // namespace pingap::proxy
