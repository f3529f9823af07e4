#include "proxy/certificate_watch.h"

#include <exception>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "proxy/tls_loader.h"

namespace pingap::proxy {
namespace {

constexpr Duration kInterval = std::chrono::seconds(1);

// Of the start: what is served later may do without.
void tell_left_out(Trouble& trouble, const LiveTls& live, const std::string& left_out) {
  if (left_out.empty()) {
    trouble.end();
  } else {
    trouble.begin(
        fmt::format("{}; {} until it can be used", left_out,
                    live.get() == nullptr ? "every connection is closed" : "it is not served"));
  }
}

}  // namespace

CertificateWatch::CertificateWatch(net::EventLoop& loop, const config::Model& model,
                                   const Snapshot& snapshot)
    : loop_(loop), model_(model), snapshot_(snapshot) {
  watched_.reserve(model.servers.size() + 1);
  const auto add = [this](const config::ServerTls& settings, config::Position at,
                          std::string section, LiveTls* live, const CertificateFiles& files) {
    if (live != nullptr && !files.paths.empty()) {
      auto trouble = std::make_unique<Trouble>(Trouble::Part::certificates,
                                               section.substr(section.find('.') + 1));
      tell_left_out(*trouble, *live, files.left_out);
      watched_.push_back(
          {&settings, at, std::move(section), live, files, files.state, std::move(trouble)});
    }
  };
  for (size_t i = 0; i < model.servers.size(); ++i) {
    const config::Listener& server = model.servers[i];
    const Site& site = *snapshot.sites[i];
    add(server.tls, server.at, "servers." + server.name, site.tls.get(), site.certificate_files);
  }
  add(model.metrics.tls, model.metrics.at, "metrics", snapshot.metrics_tls.get(),
      snapshot.metrics_files);
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

// Where something is left out, what else there is by now is served already.
void CertificateWatch::replace(Watched& watched) {
  const bool healing = !watched.files.left_out.empty();
  config::Diagnostics diagnostics;
  TlsLoader loader(model_, diagnostics, *snapshot_.ticket_keys,
                   healing ? BadFiles::left_out : BadFiles::refused);
  auto [context, left_out] = loader.build(*watched.settings, watched.section, watched.at);
  for (const config::Diagnostic& entry : diagnostics.entries()) {
    PINGAP_LOG(error, "certificates of [{}]: {}{}{}", watched.section, entry.what,
               entry.hint.empty() ? "" : "; ", entry.hint);
  }
  if (context == nullptr || diagnostics.has_errors()) {
    const std::string_view instead =
        watched.live->get() == nullptr ? "every connection is closed" : "the old ones stay";
    PINGAP_LOG(error, "certificates of [{}] have changed and cannot be used: {}", watched.section,
               instead);
    watched.trouble->begin(fmt::format(
        "they have changed and cannot be used{}{}: {}", diagnostics.entries().empty() ? "" : ", ",
        diagnostics.entries().empty() ? "" : diagnostics.entries().front().what, instead));
    return;
  }
  watched.live->set(std::move(context));
  watched.files.left_out = std::move(left_out);
  tell_left_out(*watched.trouble, *watched.live, watched.files.left_out);
  PINGAP_LOG(info, "certificates of [{}] are new", watched.section);
}

}  // namespace pingap::proxy
