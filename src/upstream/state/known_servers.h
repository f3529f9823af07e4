// What is known of the servers of one upstream, by name. It outlives configurations, and servers
// that leave and may come back. Control thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "upstream/state/endpoint_state.h"

namespace pingap::upstream {

class KnownServers {
 public:
  // A server that has gone is remembered for `memory`.
  explicit KnownServers(uint32_t workers, Duration memory = std::chrono::minutes(10));

  // Of a server, from now on if it is not known yet.
  std::shared_ptr<EndpointState> state_of(const std::string& server);

  // What the operator has given it, until the process ends; nothing where that is nothing.
  std::optional<uint32_t> weight_of(std::string_view server) const;
  void set_weight(const std::string& server, uint32_t weight);

  // Before servers leave or come: who is there was there until now, and who has been gone for too
  // long is forgotten. What an operator has said of a server is kept in any case.
  void look(TimePoint now) noexcept;

 private:
  // With more than this nobody who has gone is remembered: who answers for a name must not be able
  // to fill our memory.
  static constexpr size_t kMost = 20'000;

  struct Known {
    std::shared_ptr<EndpointState> state;
    std::optional<uint32_t> weight;
    TimePoint seen{};
  };

  const uint32_t workers_;
  const Duration memory_;
  std::map<std::string, Known, std::less<>> servers_;
};

}  // namespace pingap::upstream
