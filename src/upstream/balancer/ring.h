// Consistent hashing: servers on a circle of 2^32 places, each at many (ketama). A key goes to the
// first place at or behind its hash; when a server leaves, only its keys move, and they spread over
// all others. Built on the control thread, then immutable; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace pingap::upstream::balancer {

class Ring {
 public:
  static constexpr size_t kPointsPerWeight = 160;

  struct Member {
    std::string id;  // where a server is on the circle depends on this alone, not on its index
    uint32_t weight;
  };

  Ring() = default;
  explicit Ring(std::span<const Member> members);

  bool empty() const noexcept { return points_.empty(); }

  size_t size() const noexcept { return points_.size(); }

  // The place for a key; below size() unless the ring is empty.
  size_t find(uint64_t key) const noexcept;

  // The server there, an index into the members.
  uint32_t server(size_t place) const noexcept { return points_[place].server; }

  size_t next(size_t place) const noexcept { return place + 1 == points_.size() ? 0 : place + 1; }

 private:
  struct Point {
    uint32_t hash;
    uint32_t server;
  };

  std::vector<Point> points_;  // by hash
};

}  // namespace pingap::upstream::balancer
