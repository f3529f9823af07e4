#include "upstream/balancer/ring.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "base/hash.h"

namespace pingap::upstream::balancer {
namespace {

// Larger weights are scaled down to this: 2,560 points a server.
constexpr double kMaxWeight = 16;
constexpr double kMaxPoints = 1 << 20;  // of a ring; 8 MiB

double points_per_weight(std::span<const Ring::Member> members) {
  double largest = 0;
  double sum = 0;
  for (const Ring::Member& member : members) {
    largest = std::max(largest, static_cast<double>(member.weight));
    sum += member.weight;
  }
  double points = Ring::kPointsPerWeight;
  if (largest > kMaxWeight) {
    points *= kMaxWeight / largest;
  }
  return sum * points > kMaxPoints ? kMaxPoints / sum : points;
}

}  // namespace

Ring::Ring(std::span<const Member> members) {
  const double per_weight = points_per_weight(members);
  std::map<std::string, uint64_t> copies;  // of one id: they must not share all their points
  for (uint32_t server = 0; server < members.size(); ++server) {
    const Member& member = members[server];
    const uint64_t copy = copies[member.id]++;
    if (member.weight == 0) {
      continue;
    }
    const uint64_t seed = mix64(hash64(member.id) + copy);
    const auto count =
        static_cast<uint64_t>(std::max(1.0, static_cast<double>(member.weight) * per_weight));
    for (uint64_t i = 0; i < count; ++i) {
      points_.push_back({static_cast<uint32_t>(mix64(seed + i) >> 32), server});
    }
  }
  // Where two servers share a place the one with the lesser id has it, in whatever order they are
  // listed.
  std::sort(points_.begin(), points_.end(), [&](const Point& a, const Point& b) {
    return a.hash != b.hash ? a.hash < b.hash : members[a.server].id < members[b.server].id;
  });
}

size_t Ring::find(uint64_t key) const noexcept {
  const auto hash = static_cast<uint32_t>(mix64(key) >> 32);
  const auto found =
      std::lower_bound(points_.begin(), points_.end(), hash,
                       [](const Point& point, uint32_t wanted) { return point.hash < wanted; });
  return found == points_.end() ? 0 : static_cast<size_t>(found - points_.begin());
}

}  // namespace pingap::upstream::balancer
