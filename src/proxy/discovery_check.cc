#include "proxy/discovery_check.h"

#include <fmt/format.h>

#include "net/address.h"
#include "upstream/discovery/server_list.h"

namespace pingap::proxy {
namespace {

// With the system's resolver: where others are to be asked, or for a service, it says nothing.
void try_name(const config::Sought& sought, config::Diagnostics& diagnostics) {
  const std::string text = fmt::format("{}:{}", sought.name.value, sought.port);
  if (net::resolve(text).empty()) {
    diagnostics.warning(sought.name.at, fmt::format("`{}` does not resolve", text), {},
                        "no requests go there until it does");
  }
}

void try_file(const config::Discovery& discovery, uint16_t port, config::Diagnostics& diagnostics) {
  const config::Located<std::string>& file = discovery.file;
  config::Diagnostics found;
  upstream::read_server_list(file.value, upstream::file_rules(discovery, port), found);
  for (const config::Diagnostic& entry : found.entries()) {
    const std::string place = found.place(entry.at);
    diagnostics.warning(file.at, place.empty() ? entry.what : place + ": " + entry.what,
                        entry.allowed, entry.hint);
  }
}

}  // namespace

void try_discovery(const config::Discovery& discovery, uint16_t port,
                   config::Diagnostics& diagnostics) {
  for (const config::Sought& sought : discovery.sought) {
    if (sought.by == config::Sought::By::address && discovery.dns_servers.empty() &&
        discovery.dns_search.empty()) {
      try_name(sought, diagnostics);
    }
  }
  if (discovery.kind == config::DiscoveryKind::file && !discovery.file.value.empty()) {
    try_file(discovery, port, diagnostics);
  }
}

}  // namespace pingap::proxy
