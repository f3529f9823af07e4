// The TLS of a site as it is now: replaced when its files change, under traffic.
#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "tls/server_context.h"

namespace pingap::proxy {

class LiveTls {
 public:
  using Context = std::shared_ptr<const tls::ServerContext>;

  explicit LiveTls(Context context) noexcept : context_(std::move(context)) {}

  // Null until files that cannot be used can be: nobody is served.
  // Any thread; once a handshake, not once a request: it is not free.
  Context get() const noexcept { return context_.load(); }

  // Control thread. Connections that are there are not touched.
  void set(Context context) noexcept { context_.store(std::move(context)); }

 private:
  std::atomic<Context> context_;
};

}  // namespace pingap::proxy
