// How the servers of an upstream are checked. Built with the configuration; outlives the checks.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/status_set.h"
#include "session/session.h"
#include "upstream/pool.h"

namespace pingap::upstream {

enum class CheckKind : uint8_t {
  tcp,   // a connection can be made
  http,  // a request is answered as expected
  grpc,  // grpc.health.v1.Health says SERVING
};

struct HealthSettings {
  CheckKind kind = CheckKind::tcp;
  PoolSettings pool;  // of the checks' own connections
  session::ClientSettings session;
  std::string authority;  // the Host that is asked for; empty = the server's name
  std::string path = "/";
  std::string method = "GET";
  std::vector<std::pair<std::string, std::string>> headers;
  StatusSet statuses;   // that are well
  std::string body;     // that the answer must hold; empty = any
  std::string service;  // of gRPC; empty = all of the server
  std::string opening;  // sent first on each connection, before TLS
  Duration interval = std::chrono::seconds(10);
  Duration timeout = std::chrono::seconds(3);  // of a whole check
  uint32_t jitter_percent = 10;                // of the interval, either way
  uint32_t rise = 1;                           // passed in a row, to be in again
  uint32_t fall = 2;                           // failed in a row, to be out
};

}  // namespace pingap::upstream
