// How many requests of each key are under way. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace pingap::plugin {

class InflightTable {
 public:
  // False: it has `most` already.
  bool begin(uint64_t hash, uint32_t most) {
    Shard& shard = shards_[hash % kShards];
    const std::lock_guard guard(shard.lock);
    uint32_t& count = shard.count_of(hash);
    if (count >= most) {
      return false;  // most is at least 1: the entry was there before
    }
    ++count;
    return true;
  }

  void end(uint64_t hash) noexcept {
    Shard& shard = shards_[hash % kShards];
    const std::lock_guard guard(shard.lock);
    const auto found = shard.counts.find(hash);
    if (found != shard.counts.end() && --found->second == 0) {
      shard.drop(found);
    }
  }

  // Keys with something under way.
  size_t size() {
    size_t sum = 0;
    for (Shard& shard : shards_) {
      const std::lock_guard guard(shard.lock);
      sum += shard.counts.size();
    }
    return sum;
  }

 private:
  static constexpr size_t kShards = 64;
  static constexpr size_t kMostSpare = 8;  // of a shard

  using Counts = std::unordered_map<uint64_t, uint32_t>;

  // As many entries as requests under way, which the limits of connections bound. Some of those
  // that have ended are kept for the next: a steady request allocates nothing.
  struct Shard {
    uint32_t& count_of(uint64_t hash) {
      const auto found = counts.find(hash);
      if (found != counts.end()) {
        return found->second;
      }
      if (spares == 0) {
        return counts[hash];
      }
      Counts::node_type node = std::move(spare[--spares]);
      node.key() = hash;
      node.mapped() = 0;
      return counts.insert(std::move(node)).position->second;
    }

    void drop(Counts::iterator entry) noexcept {
      if (spares < kMostSpare) {
        spare[spares++] = counts.extract(entry);
      } else {
        counts.erase(entry);
      }
    }

    std::mutex lock;
    Counts counts;
    std::array<Counts::node_type, kMostSpare> spare;
    size_t spares = 0;
  };

  std::array<Shard, kShards> shards_;
};

}  // namespace pingap::plugin
