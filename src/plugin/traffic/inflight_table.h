// How many requests of each key are under way. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <unordered_map>

namespace pingap::plugin {

class InflightTable {
 public:
  // False: it has `most` already.
  bool begin(uint64_t hash, uint32_t most) {
    Shard& shard = shards_[hash % kShards];
    const std::lock_guard guard(shard.lock);
    uint32_t& count = shard.counts[hash];
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
      shard.counts.erase(found);
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

  // As many entries as requests under way, which the limits of connections bound.
  struct Shard {
    std::mutex lock;
    std::unordered_map<uint64_t, uint32_t> counts;
  };

  std::array<Shard, kShards> shards_;
};

}  // namespace pingap::plugin
