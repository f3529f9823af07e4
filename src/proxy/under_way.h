// The requests under way on a worker, for who asks what hangs. Each is in a list from its begin to
// its end, the oldest first; tunnels, which are meant to last, have a list of their own. Worker.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/intrusive_list.h"

namespace pingap::proxy {

class Forwarder;
struct UnderWayTag;

// The phase of a tunnel.
inline constexpr std::string_view kTunnel = "tunnel";

// What is told of one: a copy, for other threads. Texts are empty where they are not known yet.
struct UnderWay {
  Duration age{};          // since its head was complete
  std::string_view phase;  // docs/metrics.md; a constant
  std::string_view protocol;
  std::string method;
  std::string host;
  std::string path;  // without the query, which may be secret
  std::string client;
  std::string request_id;
  std::string server;  // names in the configuration
  std::string location;
  std::string upstream;
  std::string endpoint;        // of the current try, or the last one
  uint64_t connection = 0;     // its number, as in access logs
  uint64_t request_bytes = 0;  // of the bodies, so far
  uint64_t response_bytes = 0;
  uint16_t tries = 0;
  uint16_t status = 0;  // that the client was sent; 0 = none yet
};

// Of one worker, or of several together.
struct UnderWayReport {
  uint64_t requests = 0;  // tunnels included
  uint64_t tunnels = 0;
  std::vector<UnderWay> oldest;  // as many as asked for; tunnels behind all others
};

// Adds what another worker has: no more than `most` stay.
void merge(UnderWayReport& into, UnderWayReport more, size_t most);

class UnderWayList {
 public:
  void add(Forwarder& one) noexcept;
  // It is a tunnel from now on.
  void move_to_tunnels(Forwarder& one) noexcept;
  void remove(Forwarder& one) noexcept;

  // Its `most` oldest: work is bounded, however many there are.
  UnderWayReport report(size_t most);

 private:
  using List = IntrusiveList<Forwarder, UnderWayTag>;

  static void describe(List& from, size_t most, std::vector<UnderWay>& to);

  List requests_;
  List tunnels_;
  uint64_t total_ = 0;  // in both
  uint64_t in_tunnels_ = 0;
};

}  // namespace pingap::proxy
