#include "upstream/discovery/name_watch.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"

namespace pingap::upstream {
namespace {

bool is_of(const IpAddress& ip, Family family) noexcept {
  return family == Family::any || (ip.size == 4) == (family == Family::ipv4);
}

bool has(const std::vector<IpAddress>& addresses, Family family) noexcept {
  return std::ranges::any_of(addresses, [family](const auto& ip) { return is_of(ip, family); });
}

}  // namespace

NameWatch::NameWatch(net::EventLoop& loop, Resolver& resolver, const NameSettings& settings,
                     std::string name, std::function<void()> changed)
    : loop_(loop),
      resolver_(resolver),
      settings_(settings),
      name_(std::move(name)),
      changed_(std::move(changed)),
      refresh_(settings.upstream, name_, settings.longest) {
}

void NameWatch::ask() noexcept {
  asked_alone_ = {};
  fault_.clear();
  question_ =
      resolver_.find_addresses(name_, settings_.ipv4_only ? Family::ipv4 : Family::any,
                               [this](AddressAnswer answer) { on_answer(std::move(answer)); });
}

void NameWatch::on_answer(AddressAnswer answer) {
  answer_ = std::move(answer);
  refused_now_ = 0;
  drop_refused(answer_);
  if (answer_.outcome == Verdict::failed || settings_.ipv4_only) {
    conclude();
    return;
  }
  ask_for_missing();
}

void NameWatch::ask_for_missing() {
  for (const Family family : {Family::ipv4, Family::ipv6}) {
    bool& asked = asked_alone_[family == Family::ipv4 ? 0 : 1];
    if (!asked && has(known_, family) && !has(answer_.addresses, family)) {
      asked = true;
      question_ = resolver_.find_addresses(name_, family, [this, family](AddressAnswer found) {
        on_family(family, std::move(found));
      });
      return;
    }
  }
  conclude();
}

void NameWatch::on_family(Family family, AddressAnswer answer) {
  drop_refused(answer);
  if (answer.outcome == Verdict::failed) {
    fault_ = answer.why;
    answer.addresses = known_of(family);
  }
  if (!answer.addresses.empty()) {
    answer_.ttl = answer_.addresses.empty() ? answer.ttl : std::min(answer_.ttl, answer.ttl);
    answer_.addresses.insert(answer_.addresses.end(), answer.addresses.begin(),
                             answer.addresses.end());
    answer_.outcome = Verdict::found;
  }
  ask_for_missing();
}

void NameWatch::conclude() {
  question_.reset();
  const bool first = !refresh_.settled();
  bool changed = false;
  Duration again{};
  switch (answer_.outcome) {
    case Verdict::found:
      changed = use(std::move(answer_.addresses));
      again = refresh_.found(answer_.ttl, known_.size(), fault_);
      break;
    case Verdict::gone:
      again = refresh_.gone(answer_.why);
      changed = refresh_.empty() && !known_.empty();
      if (changed) {
        known_.clear();
      }
      break;
    case Verdict::failed:
      again = refresh_.failed(answer_.why);
      break;
  }
  loop_.arm(timer_, again);
  if (changed || first) {
    changed_();
  }
}

// Whether it makes a difference.
bool NameWatch::use(std::vector<IpAddress> addresses) {
  const size_t size = addresses.front().size;  // of the better family
  std::ranges::sort(addresses, [size](const IpAddress& a, const IpAddress& b) {
    return std::pair(a.size != size, a.bytes) < std::pair(b.size != size, b.bytes);
  });
  const auto [again, end] = std::ranges::unique(addresses);
  addresses.erase(again, end);
  addresses.resize(std::min(addresses.size(), kMost));
  if (addresses == known_) {
    return false;
  }
  known_ = std::move(addresses);
  return true;
}

void NameWatch::drop_refused(AddressAnswer& answer) {
  const bool local = answer.from_hosts || is_localhost(name_);
  const auto loopback = local ? AddressFilter::Loopback::allowed : AddressFilter::Loopback::refused;
  std::string why;
  std::erase_if(answer.addresses, [&](const IpAddress& ip) {
    const char* fault = settings_.filter.refuses(ip, loopback);
    if (fault == nullptr) {
      return false;
    }
    ++refused_now_;
    char room[46];
    const std::string text(ip.format(room));
    why = fmt::format("{} is refused: {}", text, fault);
    if (refused_.size() < kMost && refused_.insert(text).second) {
      PINGAP_LOG(warn, "upstream {}: {} of {} is not used: {}; discovery_allow lists what is",
                 settings_.upstream, text, name_, fault);
    }
    return true;
  });
  if (!why.empty() && answer.addresses.empty()) {
    // Not as if there was none: who can add such an address must not be able to remove the others.
    answer.outcome = Verdict::failed;
    answer.why = std::move(why);
  }
}

std::vector<IpAddress> NameWatch::known_of(Family family) const {
  std::vector<IpAddress> found;
  std::ranges::copy_if(known_, std::back_inserter(found),
                       [family](const auto& ip) { return is_of(ip, family); });
  return found;
}

}  // namespace pingap::upstream
