// Any bytes as a configuration: no crash, bounded time, and what is accepted holds what the model
// promises.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

#include "config/address.h"
#include "config/loader.h"

namespace {

std::optional<std::string> environment(const std::string& name) {
  return name == "A" ? std::optional<std::string>("127.0.0.1:1") : std::nullopt;
}

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pingap::config;  // NOLINT(google-build-using-namespace)
  const std::string text(reinterpret_cast<const char*>(data), size);
  Diagnostics diagnostics;
  const Model model = load({{"fuzz", text}}, diagnostics, environment);
  require(diagnostics.entries().empty() == diagnostics.render().empty());
  if (diagnostics.has_errors()) {
    return 0;
  }
  require(!model.servers.empty());
  for (const Upstream& upstream : model.upstreams) {
    require(!upstream.servers.empty() || !upstream.discovery.sought.empty() ||
            is_listed(upstream.discovery.kind));
    for (const Server& server : upstream.servers) {
      const auto endpoint = parse_backend_address(server.addr.value);
      require(endpoint && endpoint->to_string() == server.addr.value && server.weight <= 1000);
    }
  }
  for (const Location& location : model.locations) {
    require(location.upstream.value.empty() ||
            model.find_upstream(location.upstream.value) != nullptr);
    require((location.path_type == PathType::any) == location.path.value.empty());
  }
  for (const Listener& server : model.servers) {
    require(!server.addrs.empty());
    for (const auto& name : server.locations) {
      const Location* location = model.find_location(name.value);
      require(location != nullptr && (!location->upstream.value.empty() ||
                                      !location->plugins.empty() || !server.plugins.empty()));
    }
  }
  return 0;
}
