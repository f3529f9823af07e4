// A request to an upstream that no client waits for: a plugin's own. A few servers are tried, the
// answer is kept up to a size, all of it has one deadline. Worker.
//
//   start --> [try --> head --> body] --> over --> `done`
//               ^       |
//               +-------+  (only before an answer, and where the server cannot have acted on it)
#pragma once

#include <cstdint>

#include "base/callback.h"
#include "http/stream.h"
#include "net/event_loop.h"
#include "net/timer.h"
#include "plugin/subrequest.h"
#include "proxy/snapshot.h"
#include "upstream/backends.h"

namespace pingap::proxy {

class Worker;

class SideCall final : public http::ResponseSink, public net::Deferrable, public net::Retirable {
 public:
  // What `asked` refers to, `cluster` and `to` outlive this; `to` is null where nobody wants to
  // know. `done` is called once it is over, never from inside start(); then this is to be retired.
  SideCall(Worker& worker, const Cluster& cluster, plugin::Subrequest asked,
           plugin::Subresponse* to, Arena& arena, Callback<void()> done) noexcept;
  ~SideCall() override;

  void start() noexcept;

  // http::ResponseSink
  void on_connected() noexcept override {}

  void on_head(http::ResponseHead& head, End end) noexcept override;
  void on_body(ByteQueue& data, End end) noexcept override;

  void on_trailers(http::HeaderMap& /*trailers*/) noexcept override {}

  void on_sent(size_t /*bytes*/) noexcept override {}

  void on_closed(const Error& why) noexcept override;

  void on_deferred() noexcept override;

 private:
  // More servers than these are not tried.
  static constexpr uint32_t kTries = 3;

  bool open(upstream::Backends& backends, const upstream::Backends::Picked& picked) noexcept;
  void send() noexcept;
  void try_server() noexcept;
  void report(upstream::Outcome outcome) noexcept;
  void end_try() noexcept;
  void finish(const Error& why) noexcept;
  void on_timeout() noexcept;

  Worker& worker_;
  const Cluster& cluster_;
  plugin::Subrequest asked_;
  plugin::Subresponse* to_;
  Arena& arena_;
  Callback<void()> done_;
  net::Timer timer_{Callback<void()>::of<&SideCall::on_timeout>(this)};
  upstream::EndpointPool* pool_ = nullptr;  // of the try that is under way
  upstream::Breaker::Permit permit_;
  upstream::Breaker::Permit whole_;
  http::ClientStream* stream_ = nullptr;
  upstream::balancer::Tried tried_;
  uint32_t tries_ = 0;
  uint8_t interim_ = 0;    // 1xx answers of this try
  bool reused_ = false;    // the connection
  bool fresh_ = false;     // the next try takes no kept one
  bool reported_ = false;  // how this try went
  bool answered_ = false;  // the head is there
  bool over_ = false;
  Error error_;
};

}  // namespace pingap::proxy
