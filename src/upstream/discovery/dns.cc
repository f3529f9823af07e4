#include "upstream/discovery/dns.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "config/address.h"

namespace pingap::upstream {
namespace {

// The servers of a host. Those of the worse family come one rank later: they are used when all of
// the better one are out, or when a connect to these has failed.
void append(std::vector<Found>& to, const NameWatch& host, const HostSource::Servers& servers) {
  const auto& addresses = host.addresses();
  for (const IpAddress& ip : addresses) {
    const uint32_t later = ip.size == addresses.front().size ? 0 : 1;
    to.push_back(
        {host.name(), net::Address(ip, servers.port), servers.weight, servers.priority + later});
  }
}

}  // namespace

// ---- the addresses of a host

HostSource::HostSource(net::EventLoop& loop, Resolver& resolver, const NameSettings& settings,
                       const std::string& host, Servers servers)
    : name_(fmt::format("dns {}:{}", host, servers.port)),
      servers_(servers),
      host_(loop, resolver, settings, host, [this] { on_changed(); }) {
}

void HostSource::start(Report report) {
  report_ = std::move(report);
  host_.start();
}

void HostSource::on_changed() {
  if (host_.addresses().empty() && !reported_) {
    return;
  }
  reported_ = true;
  std::vector<Found> found;
  append(found, host_, servers_);
  report_(std::move(found));
}

// ---- the records of a service

ServiceSource::ServiceSource(net::EventLoop& loop, Resolver& resolver, const NameSettings& settings,
                             std::string service, uint32_t priority)
    : loop_(loop),
      resolver_(resolver),
      settings_(settings),
      service_(std::move(service)),
      name_("srv " + service_),
      priority_(priority),
      refresh_(settings.upstream, service_, settings.longest) {
}

void ServiceSource::start(Report report) {
  report_ = std::move(report);
  loop_.arm(timer_, Duration::zero());
}

bool ServiceSource::settled() const noexcept {
  return refresh_.settled() && hosts_are_settled();
}

size_t ServiceSource::left_out() const noexcept {
  size_t sum = 0;
  for (const auto& [name, host] : hosts_) {
    sum += host->refused();
  }
  return sum;
}

bool ServiceSource::hosts_are_settled() const noexcept {
  return std::ranges::all_of(hosts_, [](const auto& one) { return one.second->settled(); });
}

void ServiceSource::ask() noexcept {
  question_ = resolver_.find_services(
      service_, [this](ServiceAnswer answer) { on_answer(std::move(answer)); });
}

void ServiceSource::on_answer(ServiceAnswer answer) {
  question_.reset();
  // "." says that the service is not offered here (RFC 2782).
  std::erase_if(answer.services, [](const Service& one) {
    return one.port == 0 || !config::is_host_name(one.host);
  });
  if (answer.outcome == Verdict::found && answer.services.empty()) {
    answer.outcome = Verdict::gone;
    answer.why = "no record names a server";
  }
  Duration again{};
  switch (answer.outcome) {
    case Verdict::found:
      use(std::move(answer.services));
      again = refresh_.found(answer.ttl, services_.size());
      break;
    case Verdict::gone:
      again = refresh_.gone(answer.why);
      if (refresh_.empty() && !services_.empty()) {
        use({});
      }
      break;
    case Verdict::failed:
      again = refresh_.failed(answer.why);
      break;
  }
  loop_.arm(timer_, again);
}

void ServiceSource::use(std::vector<Service> services) {
  std::ranges::sort(services, {}, [](const Service& one) {
    return std::tie(one.priority, one.host, one.port, one.weight);
  });
  services.resize(std::min(services.size(), kMost));
  if (services == services_) {
    return;
  }
  services_ = std::move(services);
  std::map<std::string, std::unique_ptr<NameWatch>> hosts;
  for (const Service& one : services_) {
    if (hosts.contains(one.host)) {
      continue;
    }
    auto& host = hosts[one.host];
    if (const auto known = hosts_.find(one.host); known != hosts_.end()) {
      host = std::move(known->second);
      continue;
    }
    host =
        std::make_unique<NameWatch>(loop_, resolver_, settings_, one.host, [this] { publish(); });
    host->start();
  }
  hosts_ = std::move(hosts);
  publish();
}

// Not half of a new list: what was there before stays until all hosts of the new one were asked
// for.
void ServiceSource::publish() {
  if (!hosts_are_settled()) {
    return;
  }
  constexpr uint32_t kMostWeight = 1000;
  std::vector<Found> found;
  for (const Service& one : services_) {
    const uint32_t weight = std::clamp<uint32_t>(one.weight, 1, kMostWeight);
    append(found, *hosts_.at(one.host), {one.port, weight, priority_ + uint32_t{one.priority} * 2});
  }
  // Records that lead nowhere so far say nothing.
  if (!found.empty() || (services_.empty() && refresh_.empty())) {
    report_(std::move(found));
  }
}

}  // namespace pingap::upstream
