// Where servers of an upstream come from, apart from addresses that are written down. Control
// thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "net/address.h"

namespace pingap::upstream {

// A server that a source knows of.
struct Found {
  std::string host;  // the name that TLS is for; empty = its address
  net::Address address;
  uint32_t weight = 1;
  uint32_t priority = 0;

  bool operator==(const Found&) const = default;
};

class Source {
 public:
  // All servers there are now, in place of those before. Not called where the source does not know:
  // what was known last goes on being true.
  using Report = std::function<void(std::vector<Found>)>;

  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source() = default;

  // For logs: "dns api.internal:80".
  virtual const std::string& name() const noexcept = 0;

  // Begins to look and goes on looking; reports on the loop of the control thread, never from
  // inside this call.
  virtual void start(Report report) = 0;

  // It has answered once, with servers or without: a start need not wait for it any longer.
  virtual bool settled() const noexcept = 0;

  // How many of those in its last answer were left out: they are refused, or no servers.
  virtual size_t left_out() const noexcept = 0;
};

}  // namespace pingap::upstream
