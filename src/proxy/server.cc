#include "proxy/server.h"

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <latch>

#include <fmt/core.h>

#include "base/file_access.h"
#include "base/log.h"
#include "net/socket.h"
#include "plugin/background.h"
#include "plugin/fetch.h"

namespace pingap::proxy {
namespace {

std::string explain(const std::string& address, const Error& error) {
  const std::string_view hint = listen_hint(error.sys);
  return fmt::format("cannot listen on {}: {}{}{}", address,
                     std::strerror(error.sys),  // NOLINT(concurrency-mt-unsafe)
                     hint.empty() ? "" : "; ", hint);
}

// Longer than all workers need to give an address up.
constexpr Duration kLeaving = std::chrono::seconds(2);

std::string cannot_open(const std::string& log, int error) {
  return fmt::format("cannot open access_log {}: {}", log, std::strerror(error));  // NOLINT
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
  // Whoever reports to the loops of the workers is to be silent before these go.
  plugin::Background::instance().stop();
  if (plugin::Fetcher* fetcher = plugin::fetcher()) {
    fetcher->stop();
  }
  for (const Bound& one : bound_) {
    if (!one.socket_file.empty()) {
      ::unlink(one.socket_file.c_str());
    }
  }
  for (const auto& worker : workers_) {
    worker->loop().discard_posted();  // a configuration published as the worker ended
  }
  // Frontends that were never served are on loops of the workers.
  bound_.clear();
  next_.clear();
  workers_.clear();
  log::set_output(nullptr, snapshot_->logging.format);
  output_.reset();
  logs_.stop();
}

const Server::Bound* Server::find(const std::string& address) const noexcept {
  const auto found = std::ranges::find(bound_, address, &Bound::address);
  return found == bound_.end() ? nullptr : &*found;
}

// Given up a moment ago: our own sockets still take what they have accepted.
bool Server::is_leaving(const std::string& address) const noexcept {
  return std::ranges::any_of(left_, [&](const auto& one) {
    return one.first == address && steady_now() - one.second < kLeaving;
  });
}

// Of the addresses that are not ours yet.
tl::expected<void, std::string> Server::expect_free(const Snapshot& snapshot) const {
  for (const auto& site : snapshot.sites) {
    for (const std::string& address : site->addrs) {
      if (find(address) != nullptr || inherited_.has(address) || is_leaving(address)) {
        continue;
      }
      if (auto free = net::expect_free(*net::Address::parse(address)); !free) {
        return tl::unexpected(explain(address, free.error()));
      }
    }
  }
  return {};
}

tl::expected<void, std::string> Server::bind(InheritedSockets inherited, observe::BadLog bad_logs) {
  inherited_ = std::move(inherited);
  for (const auto& site : snapshot_->sites) {
    inherited_.assign(site->name, site->addrs);
  }
  if (auto free = expect_free(*snapshot_); !free) {
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
  auto all = bind_all(*snapshot_, bad_logs);
  if (!all) {
    return tl::unexpected(all.error());
  }
  bound_ = std::move(*all);
  if (auto opened = open_output(snapshot_->logging, bad_logs); !opened) {
    return opened;
  }
  for (const std::string& address : inherited_.left()) {
    PINGAP_LOG(warn, "inherited socket {} is in no server: closed", address);
  }
  inherited_ = {};
  return {};
}

// What is bound already stays as it is.
tl::expected<Server::BoundList, std::string> Server::bind_all(const Snapshot& snapshot,
                                                              observe::BadLog bad_logs) {
  BoundList all;
  for (const auto& site : snapshot.sites) {
    auto logs = open_logs(*site, bad_logs);
    if (!logs) {
      return tl::unexpected(logs.error());
    }
    for (const std::string& address : site->addrs) {
      const Bound* known = find(address);
      Bound& one = all.emplace_back(known != nullptr ? *known : Bound{address, {}, {}, {}, {}});
      if (known == nullptr) {
        if (auto bound = bind_address(*site, one); !bound) {
          return tl::unexpected(bound.error());
        }
      }
      one.served.site = site.get();
      one.served.logs = *logs;
    }
  }
  return all;
}

tl::expected<Server::Sinks, std::string> Server::open_logs(const Site& site, observe::BadLog bad) {
  Sinks sinks;
  for (const auto& log : site.logs) {
    auto opened = logs_.open(log->path, bad);
    if (!opened) {
      return tl::unexpected(cannot_open(log->path, opened.error().sys));
    }
    sinks.push_back(std::move(*opened));
  }
  return sinks;
}

// For the application log, which goes there with use_output().
tl::expected<void, std::string> Server::open_output(const LogSettings& settings,
                                                    observe::BadLog bad) {
  auto opened = observe::open_log_output(settings.target, settings.facility, logs_, bad);
  if (!opened) {
    return tl::unexpected(opened.error());
  }
  next_output_ = std::move(*opened);
  return {};
}

void Server::use_output() {
  const LogSettings& settings = snapshot_->logging;
  log::set_output(next_output_.get(), settings.format);
  output_ = std::move(next_output_);
  log::set_levels(settings.levels);
  logs_.set_rotation(settings.rotation);
  logs_.close_unheld();
}

tl::expected<Server::SocketLists, std::string> Server::sockets_for(const std::string& text) {
  net::Address address = *net::Address::parse(text);
  SocketLists lists(workers_.size());
  int first = -1;  // it is in a list
  auto inherited = inherited_.take(text);
  for (size_t i = 0; i < inherited.size(); ++i) {
    first = first < 0 ? inherited[i].get() : first;
    lists[i % lists.size()].push_back(std::move(inherited[i]));  // none is left without an owner
  }
  for (auto& list : lists) {
    if (!list.empty()) {
      continue;
    }
    if (first >= 0) {
      address = address.is_unix() ? address : net::local_address(first);
    }
    // Unix sockets have no port to share: all workers accept from the same one. So it is where
    // another socket is not allowed any more, after privileges were dropped.
    auto made = address.is_unix() && first >= 0 ? tl::unexpected(Error{}) : net::listen_on(address);
    if (!made && first < 0) {
      return tl::unexpected(explain(text, made.error()));
    }
    list.push_back(made ? std::move(*made) : net::Fd(::fcntl(first, F_DUPFD_CLOEXEC, 0)));
    first = first < 0 ? list.front().get() : first;
  }
  return lists;
}

tl::expected<void, std::string> Server::bind_address(const Site& site, Bound& to) {
  const bool inherited = inherited_.has(to.address);
  auto lists = sockets_for(to.address);
  if (!lists) {
    return tl::unexpected(lists.error());
  }
  auto listening = std::make_shared<Listening>();
  const net::Address address = *net::Address::parse(to.address);
  const std::string shown = address.is_unix()
                                ? address.to_string()
                                : net::local_address(lists->front().front().get()).to_string();
  for (size_t i = 0; i < workers_.size(); ++i) {
    listening->frontends.push_back(
        std::make_unique<Frontend>(*workers_[i], *listening, site, std::move(lists->at(i))));
  }
  if (address.is_unix()) {
    (inherited ? to.inherited_file : to.socket_file) = address.path();
  }
  to.shown = fmt::format("{} ({})", shown, site.name);
  to.served.listening = std::move(listening);
  return {};
}

std::vector<std::string> Server::addresses() const {
  std::vector<std::string> all;
  all.reserve(bound_.size());
  for (const Bound& one : bound_) {
    all.push_back(one.shown);
  }
  return all;
}

std::vector<Served> Server::served() const {
  std::vector<Served> all;
  all.reserve(bound_.size());
  for (const Bound& one : bound_) {
    all.push_back(one.served);
  }
  return all;
}

void Server::start() {
  logs_.start();
  use_output();
  plugin::Background::instance().start();
  for (const auto& worker : workers_) {
    worker->serve(served());
    worker->start();
  }
}

void Server::update(size_t cluster, const std::shared_ptr<const upstream::EndpointSet>& servers) {
  for (const auto& worker : workers_) {
    worker->update(cluster, servers);
  }
}

// ---- another configuration

tl::expected<void, std::string> Server::try_to_prepare(const Snapshot& next) const {
  if (auto free = expect_free(next); !free) {
    return free;
  }
  for (const auto& site : next.sites) {
    for (const std::string& address : site->addrs) {
      if (find(address) != nullptr) {
        continue;
      }
      if (auto tried = net::try_to_listen_on(*net::Address::parse(address)); !tried) {
        return tl::unexpected(explain(address, tried.error()));
      }
    }
    for (const auto& log : site->logs) {
      const bool stays = observe::is_stream(log->path) || logs_.has(log->path);
      const int error = stays ? 0 : try_to_write(log->path, Symlinks::follow);
      if (error != 0) {
        return tl::unexpected(cannot_open(log->path, error));
      }
    }
  }
  return {};
}

tl::expected<void, std::string> Server::prepare(const Snapshot& next) {
  if (auto free = expect_free(next); !free) {
    return free;
  }
  auto all = bind_all(next, observe::BadLog::refused);
  if (!all) {
    logs_.close_unheld();
    return tl::unexpected(all.error());
  }
  if (auto opened = open_output(next.logging, observe::BadLog::refused); !opened) {
    logs_.close_unheld();
    return opened;
  }
  next_ = std::move(*all);
  return {};
}

void Server::publish(std::shared_ptr<const Snapshot> next, ClusterSets sets,
                     net::EventLoop& control, std::function<void()> done) {
  std::erase_if(left_, [](const auto& one) { return steady_now() - one.second >= kLeaving; });
  std::swap(bound_, next_);
  for (const Bound& one : next_) {  // those of before
    if (find(one.address) == nullptr) {
      left_.emplace_back(one.address, steady_now());
      if (!one.socket_file.empty()) {
        ::unlink(one.socket_file.c_str());
      }
    }
  }
  next_.clear();
  const auto one_more = [left = std::make_shared<size_t>(workers_.size()), done = std::move(done)] {
    if (--*left == 0) {
      done();
    }
  };
  const auto shared = std::make_shared<const ClusterSets>(std::move(sets));
  for (const auto& worker : workers_) {
    worker->publish(next, shared, served(), control, one_more);
  }
  snapshot_ = std::move(next);
  use_output();
}

uint32_t Server::connections() const noexcept {
  uint32_t sum = 0;
  for (const auto& worker : workers_) {
    sum += worker->connections();
  }
  return sum;
}

std::vector<Server::Socket> Server::sockets() const {
  std::vector<Socket> all;
  for (const Bound& one : bound_) {
    for (const auto& frontend : one.served.listening->frontends) {
      for (const int fd : frontend->sockets()) {
        all.push_back({one.address, fd});
      }
    }
  }
  return all;
}

void Server::while_workers_wait(const std::function<void()>& work) {
  struct Meeting {
    explicit Meeting(size_t workers) : here(static_cast<ptrdiff_t>(workers)) {}

    std::latch here;
    std::latch over{1};
  };

  const auto meeting = std::make_shared<Meeting>(workers_.size());
  for (const auto& worker : workers_) {
    worker->loop().post([meeting] {
      meeting->here.count_down();
      meeting->over.wait();
    });
  }
  meeting->here.wait();
  work();
  meeting->over.count_down();
}

void Server::own_files() noexcept {
  for (Bound& one : bound_) {
    if (!one.inherited_file.empty()) {
      one.socket_file = std::move(one.inherited_file);
    }
  }
}

void Server::hand_over() {
  for (Bound& one : bound_) {
    one.socket_file.clear();
    one.inherited_file.clear();
  }
  for (const auto& worker : workers_) {
    worker->hand_over();
  }
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
  // A connection may have been on its way to a worker that had its last turn: nobody will serve it.
  for (const auto& worker : workers_) {
    worker->loop().discard_posted();
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

std::vector<Server::SiteConnections> Server::connections_by_site() const {
  std::vector<SiteConnections> all;
  for (const Bound& one : bound_) {
    auto known = std::ranges::find(all, one.served.site->name, &SiteConnections::site);
    if (known == all.end()) {
      known = all.insert(all.end(), {one.served.site->name, 0, {}});
    }
    for (const auto& frontend : one.served.listening->frontends) {
      known->count += frontend->connections();
      frontend->add_speaks_to(known->speaks);
    }
  }
  return all;
}

std::vector<uint32_t> Server::connections_by_worker() const {
  std::vector<uint32_t> all;
  all.reserve(workers_.size());
  for (const auto& worker : workers_) {
    all.push_back(worker->connections());
  }
  return all;
}

observe::LogTotals Server::log_totals() const {
  return logs_.totals();
}

void Server::tell_workers(const std::function<void(Worker&)>& message) const {
  for (const auto& worker : workers_) {
    worker->loop().post([message, at = worker.get()] { message(*at); });
  }
}

void Server::watch(const std::shared_ptr<RequestWatch>& what) const {
  for (const auto& worker : workers_) {
    worker->watch(what);
  }
}

void Server::reopen_logs() {
  logs_.reopen();
}

}  // namespace pingap::proxy
