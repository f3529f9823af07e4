#include "demo/backends.h"

#include <csignal>
#include <pthread.h>

#include "demo/origin.h"
#include "net/socket.h"

namespace pingap::demo {

std::vector<Backend> default_backends() {
  const IpAddress loopback{.bytes = {127, 0, 0, 1}, .size = 4};
  return {{net::Address(loopback, 9101), "one"},
          {net::Address(loopback, 9102), "two"},
          {net::Address(loopback, 9103), "three"}};
}

DemoBackends::DemoBackends() = default;

DemoBackends::~DemoBackends() {
  stop();
}

Result<> DemoBackends::start(std::span<const Backend> backends) {
  auto loop = net::EventLoop::create();
  if (!loop) {
    return tl::unexpected(loop.error());
  }
  std::vector<std::unique_ptr<Origin>> origins;
  std::vector<net::Address> addresses;
  for (const Backend& backend : backends) {
    auto socket = net::listen_on(backend.address);
    if (!socket) {
      return tl::unexpected(socket.error());
    }
    addresses.push_back(net::local_address(socket->get()));
    origins.push_back(std::make_unique<Origin>(**loop, std::move(*socket), backend.name));
    if (auto listening = origins.back()->start(); !listening) {
      return listening;
    }
  }
  loop_ = std::move(*loop);
  origins_ = std::move(origins);
  addresses_ = std::move(addresses);
  // Signals are for the control thread.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "pingap-demo");
    loop_->run();
    // Here: what is destroyed belongs to this thread.
    for (const auto& origin : origins_) {
      origin->abort();
    }
    loop_->run_once(Duration::zero());
    origins_.clear();
  });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return {};
}

void DemoBackends::stop() {
  if (thread_.joinable()) {
    loop_->stop();
    thread_.join();
  }
}

}  // namespace pingap::demo
