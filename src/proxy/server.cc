#include "proxy/server.h"

#include <algorithm>
#include <cstring>
#include <fcntl.h>

#include <fmt/core.h>

#include "net/socket.h"

namespace pingap::proxy {
namespace {

std::string explain(const std::string& address, const Error& error) {
  const std::string_view hint = listen_hint(error.sys);
  return fmt::format("cannot listen on {}: {}{}{}", address,
                     std::strerror(error.sys),  // NOLINT(concurrency-mt-unsafe)
                     hint.empty() ? "" : "; ", hint);
}

}  // namespace

std::string_view listen_hint(int error) noexcept {
  switch (error) {
    case EACCES:
      return "ports below 1024 need root or CAP_NET_BIND_SERVICE";
    case EADDRINUSE:
      return "another program has this port: stop it or choose another";
    case EADDRNOTAVAIL:
      return "this machine has no such address";
    case EEXIST:
      return "a file that is no socket is in the way: remove it or choose another path";
    case EAFNOSUPPORT:
      return "IPv6 is switched off on this machine";
    default:
      return {};
  }
}

Server::Server(std::shared_ptr<const Snapshot> snapshot) : snapshot_(std::move(snapshot)) {
}

Server::~Server() {
  abort();
  join();
  workers_.clear();
  logs_.stop();
  for (const std::string& path : socket_files_) {
    ::unlink(path.c_str());
  }
}

tl::expected<void, std::string> Server::expect_free_addresses() const {
  for (const auto& site : snapshot_->sites) {
    for (const std::string& address : site->addrs) {
      if (auto free = net::expect_free(*net::Address::parse(address)); !free) {
        return tl::unexpected(explain(address, free.error()));
      }
    }
  }
  return {};
}

tl::expected<void, std::string> Server::bind() {
  if (auto free = expect_free_addresses(); !free) {
    return free;
  }
  const uint32_t threads = snapshot_->workers;
  for (uint32_t i = 0; i < threads; ++i) {
    auto loop = net::EventLoop::create();
    if (!loop) {
      return tl::unexpected(fmt::format("{}: {}", loop.error().detail,
                                        std::strerror(loop.error().sys)));  // NOLINT
    }
    workers_.push_back(std::make_unique<Worker>(snapshot_, std::move(*loop), i, threads));
  }
  for (const auto& worker : workers_) {
    worker->set_peers(workers_);
  }
  for (const auto& site : snapshot_->sites) {
    for (const std::string& address : site->addrs) {
      if (auto bound = bind_address(*site, address); !bound) {
        return bound;
      }
    }
  }
  return {};
}

tl::expected<void, std::string> Server::bind_address(const Site& site, const std::string& text) {
  std::shared_ptr<observe::LogSink> log;
  if (!site.access_log_path.empty()) {
    auto opened = logs_.open(site.access_log_path);
    if (!opened) {
      return tl::unexpected(fmt::format("cannot open access_log {}: {}", site.access_log_path,
                                        std::strerror(opened.error().sys)));  // NOLINT
    }
    log = std::move(*opened);
  }
  net::Address address = *net::Address::parse(text);
  net::Fd shared;
  for (const auto& worker : workers_) {
    net::Fd socket;
    if (address.is_unix() && shared) {
      // Unix sockets have no port to share: all workers accept from the same one.
      socket = net::Fd(::fcntl(shared.get(), F_DUPFD_CLOEXEC, 0));
    } else {
      auto listening = net::listen_on(address);
      if (!listening) {
        return tl::unexpected(explain(text, listening.error()));
      }
      socket = std::move(*listening);
    }
    if (!shared) {
      address = address.is_unix() ? address : net::local_address(socket.get());
      shared = net::Fd(::fcntl(socket.get(), F_DUPFD_CLOEXEC, 0));
    }
    worker->add_listener(site, std::move(socket), log);
  }
  if (address.is_unix()) {
    socket_files_.emplace_back(address.path());
  }
  bound_.push_back(text);
  addresses_.push_back(fmt::format("{} ({})", address.to_string(), site.name));
  return {};
}

void Server::start() {
  logs_.start();
  for (const auto& worker : workers_) {
    // The kernel may have accepted connections already: nothing is lost before this.
    (void)worker->listen();
    worker->start();
  }
}

void Server::update(size_t cluster, const std::shared_ptr<const upstream::EndpointSet>& servers) {
  for (const auto& worker : workers_) {
    worker->update(cluster, servers);
  }
}

// ---- another configuration

namespace {

// Every address with its site, in the order of the frontends.
std::vector<std::pair<std::string, const Site*>> listeners(const Snapshot& snapshot) {
  std::vector<std::pair<std::string, const Site*>> all;
  for (const auto& site : snapshot.sites) {
    for (const std::string& address : site->addrs) {
      all.emplace_back(address, site.get());
    }
  }
  return all;
}

const Site* site_at(const std::vector<std::pair<std::string, const Site*>>& all,
                    std::string_view address) {
  for (const auto& [text, site] : all) {
    if (text == address) {
      return site;
    }
  }
  return nullptr;
}

}  // namespace

std::string Server::refuses(const Snapshot& next) const {
  const auto before = listeners(*snapshot_);
  const auto after = listeners(next);
  if (before.size() != after.size()) {
    return "the addresses that are listened on have changed";
  }
  for (const auto& [address, site] : before) {
    const Site* now = site_at(after, address);
    if (now == nullptr) {
      return fmt::format("{} is not listened on any more", address);
    }
    if (now->access_log_path != site->access_log_path) {
      return fmt::format("access_log of [servers.{}] has changed", now->name);
    }
  }
  return {};
}

void Server::publish(std::shared_ptr<const Snapshot> next, net::EventLoop& control) {
  std::vector<const Site*> sites;
  const auto after = listeners(*next);
  for (const std::string& address : bound_) {
    sites.push_back(site_at(after, address));
  }
  for (const auto& worker : workers_) {
    worker->publish(next, sites, control);
  }
  snapshot_ = std::move(next);
}

uint32_t Server::connections() const noexcept {
  uint32_t sum = 0;
  for (const auto& worker : workers_) {
    sum += worker->connections();
  }
  return sum;
}

void Server::drain() {
  for (const auto& worker : workers_) {
    worker->drain();
  }
}

void Server::abort() {
  for (const auto& worker : workers_) {
    worker->abort();
  }
}

bool Server::finished() const noexcept {
  return std::all_of(workers_.begin(), workers_.end(),
                     [](const auto& worker) { return worker->finished(); });
}

void Server::join() {
  for (const auto& worker : workers_) {
    worker->join();
  }
  logs_.sync();
}

observe::Totals Server::totals() const noexcept {
  observe::Totals totals;
  for (const auto& worker : workers_) {
    worker->add_counts_to(totals);
  }
  return totals;
}

void Server::reopen_logs() {
  logs_.reopen();
}

}  // namespace pingap::proxy
