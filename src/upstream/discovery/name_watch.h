// The addresses of one host name as time goes by. Control thread.
//
//   waiting --time--> asking both families --answer--> asking for what is missing --> waiting
//
// The answer for both families hides that one of them has failed, so a family that was there before
// and is not in the answer is asked for alone: then failure and absence can be told apart.
#pragma once

#include <array>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "net/event_loop.h"
#include "net/timer.h"
#include "upstream/discovery/address_filter.h"
#include "upstream/discovery/refresh.h"
#include "upstream/discovery/resolver.h"

namespace pingap::upstream {

// What all names of an upstream have in common; outlives them.
struct NameSettings {
  std::string upstream;  // its name
  AddressFilter filter;
  Duration longest{};  // as in Refresh
  bool ipv4_only = false;
};

class NameWatch {
 public:
  // More addresses than this are not used.
  static constexpr size_t kMost = 1000;

  // `changed` is called when its addresses have, and when it has settled.
  NameWatch(net::EventLoop& loop, Resolver& resolver, const NameSettings& settings,
            std::string name, std::function<void()> changed);
  NameWatch(const NameWatch&) = delete;
  NameWatch& operator=(const NameWatch&) = delete;

  void start() noexcept { loop_.arm(timer_, Duration::zero()); }

  bool settled() const noexcept { return refresh_.settled(); }

  const std::string& name() const noexcept { return name_; }

  // Those of the better family first; in an order that does not change with each answer.
  const std::vector<IpAddress>& addresses() const noexcept { return known_; }

  // Addresses of the last answer that are refused.
  size_t refused() const noexcept { return refused_now_; }

 private:
  void ask() noexcept;
  void on_answer(AddressAnswer answer);
  void ask_for_missing();
  void on_family(Family family, AddressAnswer answer);
  void conclude();
  bool use(std::vector<IpAddress> addresses);
  void drop_refused(AddressAnswer& answer);
  std::vector<IpAddress> known_of(Family family) const;

  net::EventLoop& loop_;
  Resolver& resolver_;
  const NameSettings& settings_;
  const std::string name_;
  const std::function<void()> changed_;
  Refresh refresh_;
  std::vector<IpAddress> known_;
  Resolver::Question question_;
  // The answer that is being worked on, and which families were asked for alone.
  AddressAnswer answer_;
  std::array<bool, 2> asked_alone_{};
  std::string fault_;              // of one of those
  std::set<std::string> refused_;  // what was logged; bounded by kMost
  size_t refused_now_ = 0;
  net::Timer timer_{Callback<void()>::of<&NameWatch::ask>(this)};
};

}  // namespace pingap::upstream
