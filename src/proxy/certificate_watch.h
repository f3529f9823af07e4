// Looks after the files of certificates and keys: when they have changed, the new ones are loaded
// and checked, and take the place of the old ones if all is well (TLS-18). Control thread.
//
// It asks for their state every few seconds and follows links: replaced links, whole folders that
// are exchanged (Kubernetes) and network file systems are seen like everything else.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/trouble.h"
#include "config/model.h"
#include "net/event_loop.h"
#include "proxy/certificate_files.h"
#include "proxy/snapshot.h"
#include "proxy/tls_loader.h"

namespace pingap::proxy {

class CertificateWatch {
 public:
  // What is watched outlives it.
  CertificateWatch(net::EventLoop& loop, const config::Model& model, const Snapshot& snapshot);

  // What is done now and then: what has changed, and has stayed so since the last look, is loaded.
  void look();

 private:
  struct Watched {
    std::string section;     // whose they are: "servers.a"
    CertificateFiles files;  // as of the last look
    std::string loaded;      // their state when they were read, whether they are in use or refused
    // Reads them, and uses them. Returns what is left out of it; nothing: they cannot be used.
    std::function<std::optional<std::string>(const Watched&, config::Diagnostics&, BadFiles)> load;
    std::function<bool()> ready;  // there are some in use
    std::string_view without;     // what it means that there are none
    std::unique_ptr<Trouble> trouble = {};
  };

  void watch_server(const config::ServerTls& settings, config::Position at, std::string section,
                    tls::LiveServer* live, const CertificateFiles& files);
  void watch_upstream(const Cluster& cluster);
  void add(Watched watched);
  static void tell_left_out(const Watched& watched);
  void on_timer() noexcept;
  static void replace(Watched& watched);

  net::EventLoop& loop_;
  const config::Model& model_;
  const Snapshot& snapshot_;
  std::vector<Watched> watched_;
  net::Timer timer_{Callback<void()>::of<&CertificateWatch::on_timer>(this)};
};

}  // namespace pingap::proxy
