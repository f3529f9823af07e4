#include "proxy/under_way.h"

#include <algorithm>
#include <iterator>

#include "proxy/forwarder.h"

namespace pingap::proxy {

void UnderWayList::add(Forwarder& one) noexcept {
  ++total_;
  requests_.push_back(one);
}

void UnderWayList::move_to_tunnels(Forwarder& one) noexcept {
  static_cast<ListHook<UnderWayTag>&>(one).unlink();
  tunnels_.push_back(one);
  ++in_tunnels_;
}

void UnderWayList::remove(Forwarder& one) noexcept {
  static_cast<ListHook<UnderWayTag>&>(one).unlink();
  --total_;
  in_tunnels_ -= one.is_tunnel() ? 1U : 0U;
}

void UnderWayList::describe(List& from, size_t most, std::vector<UnderWay>& to) {
  for (Forwarder* one = from.front(); one != nullptr && to.size() < most; one = from.next(*one)) {
    to.push_back(one->describe());
  }
}

UnderWayReport UnderWayList::report(size_t most) {
  UnderWayReport report{total_, in_tunnels_, {}};
  report.oldest.reserve(std::min<uint64_t>(most, total_));
  describe(requests_, most, report.oldest);
  describe(tunnels_, most, report.oldest);  // where there is room
  return report;
}

void merge(UnderWayReport& into, UnderWayReport more, size_t most) {
  into.requests += more.requests;
  into.tunnels += more.tunnels;
  into.oldest.insert(into.oldest.end(), std::make_move_iterator(more.oldest.begin()),
                     std::make_move_iterator(more.oldest.end()));
  std::ranges::sort(into.oldest, [](const UnderWay& one, const UnderWay& other) {
    const bool tunnel = one.phase == kTunnel;
    return tunnel != (other.phase == kTunnel) ? !tunnel : one.age > other.age;
  });
  into.oldest.resize(std::min(into.oldest.size(), most));
}

}  // namespace pingap::proxy
