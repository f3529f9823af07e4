// A context of TLS as it is now: replaced when its files change, under traffic.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

namespace pingap::tls {

class ClientContext;
class ServerContext;

template <class Context>
class Live {
 public:
  using Pointer = std::shared_ptr<const Context>;

  explicit Live(Pointer context) noexcept
      : ready_(context != nullptr), context_(std::move(context)) {}

  // Null until files that cannot be used can be: nobody is served, nothing is sent.
  // Any thread; once a handshake, not once a request: it is not free.
  Pointer get() const noexcept { return context_.load(); }

  // Whether there is one. Any thread; cheap.
  bool ready() const noexcept { return ready_.load(std::memory_order_relaxed); }

  // How often there was another one. Any thread; cheap. Whoever has read it gets a context that is
  // at least so new.
  uint32_t version() const noexcept { return version_.load(std::memory_order_acquire); }

  // Control thread. Connections that are there are not touched.
  void set(Pointer context) noexcept {
    ready_.store(context != nullptr, std::memory_order_relaxed);
    context_.store(std::move(context));
    version_.fetch_add(1, std::memory_order_release);
  }

 private:
  std::atomic<uint32_t> version_{0};
  std::atomic<bool> ready_;
  std::atomic<Pointer> context_;
};

using LiveServer = Live<ServerContext>;
using LiveClient = Live<ClientContext>;

}  // namespace pingap::tls
