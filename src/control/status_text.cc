// The answer of `pingap status`.
#include <string>
#include <unistd.h>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "base/log_escape.h"
#include "control/process_stats.h"
#include "control/reloader.h"
#include "control/state_text.h"
#include "control/troubles.h"

namespace pingap::control {
namespace {

std::string shown(WallTime time) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

WallTime from_seconds(double since_1970) {
  return WallTime(
      std::chrono::duration_cast<WallTime::duration>(std::chrono::duration<double>(since_1970)));
}

std::string configuration_line(const Reloader::Status& status) {
  const std::string revision =
      status.revision == 0 ? "" : fmt::format("revision {}, ", status.revision);
  return fmt::format("configuration: {}loaded at {}; {} reloads, {} refused\n", revision,
                     shown(status.loaded_at), status.taken, status.refused);
}

// "  12.3 s  waiting     GET shop.test/cart of 10.0.0.7 (connection 5): main, cart, api
// 10.0.1.2:80; try 1, 12 B in, 0 B out"; peers' texts are escaped as in logs.
std::string request_line(const proxy::UnderWay& one) {
  const auto plain = [](const std::string& text) {
    std::string room(text.size() * 4, '\0');  // the longest escape of a byte
    bool cut = false;
    const char* end = escape_text(text, room.data(), room.data() + room.size(), cut);
    room.resize(static_cast<size_t>(end - room.data()));
    return room;
  };
  std::string place = one.server;
  for (const std::string* name : {&one.location, &one.upstream}) {
    place += name->empty() ? "" : ", " + *name;
  }
  place += one.endpoint.empty() ? "" : " " + one.endpoint;
  return fmt::format(
      "{:8.1f} s  {:<10}  {} {}{} of {} (connection {}): {}; {} tries, {} B in, {} B out\n",
      std::chrono::duration<double>(one.age).count(), one.phase, plain(one.method), plain(one.host),
      plain(one.path), one.client, one.connection, place, one.tries, one.request_bytes,
      one.response_bytes);
}

std::string upstream_lines(const proxy::LiveUpstreams& upstreams) {
  std::string text;
  for (const auto& [name, servers] : servers_in_use(upstreams)) {
    text += fmt::format("upstream {}: {} of {} servers take requests\n", name, servers.taking,
                        servers.all);
  }
  return text;
}

}  // namespace

std::string requests_text(const RequestsReport& requests) {
  std::string text = fmt::format("{} requests under way, {} of them tunnels\n",
                                 requests.found.requests, requests.found.tunnels);
  for (const size_t worker : requests.silent) {
    text += fmt::format("worker {} does not answer: it hangs, or is busy\n", worker);
  }
  for (const proxy::UnderWay& one : requests.found.oldest) {
    text += request_line(one);
  }
  return text;
}

std::string status_text(const Running& running) {
  std::string text = fmt::format("pingap {}, process {}, since {}{}\n", running.build.version,
                                 ::getpid(), shown(from_seconds(read_process_stats().started)),
                                 running.stopping() ? ", stopping" : "");
  text += configuration_line(running.reloader.status());
  if (const std::string keys = running.reloader.waiting_for_restart(); !keys.empty()) {
    text += fmt::format("only a restart takes up: {}\n", keys);
  }
  text += fmt::format("{} workers, {} connections\n", running.server.workers(),
                      running.server.connections());
  text += upstream_lines(running.upstreams);
  const auto found = troubles(running.upstreams);
  if (found.empty()) {
    return text + "all is well\n";
  }
  for (const TroubleReport& one : found) {
    text += fmt::format("degraded: {} {}: {}{}\n", one.part, one.name, one.what,
                        one.since ? fmt::format(" (since {})", shown(*one.since)) : "");
  }
  return text;
}

}  // namespace pingap::control
