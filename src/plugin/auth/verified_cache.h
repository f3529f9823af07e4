// What was found to be right a moment ago, so that it need not be worked out again: by a keyed
// hash, of a bounded number. Each worker has its own.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "plugin/keyed_digest.h"

namespace pingap::plugin {

class VerifiedCache {
 public:
  explicit VerifiedCache(uint32_t workers) : tables_(workers) {}

  // `version` is that of what it was found right by.
  bool has(uint32_t worker, const Digest& what, uint64_t version, TimePoint now) const noexcept {
    const auto& table = tables_[worker];
    if (table == nullptr) {
      return false;
    }
    for (const Entry& one : (*table)[set_of(what)]) {
      if (one.version == version && one.until > now && same(one.what, what)) {
        return true;
      }
    }
    return false;
  }

  // Takes the place of what would end first.
  void add(uint32_t worker, const Digest& what, uint64_t version, TimePoint until) const {
    auto& table = tables_[worker];
    if (table == nullptr) {
      table = std::make_unique<Table>();
    }
    auto& set = (*table)[set_of(what)];
    Entry* place = set.data();
    for (Entry& one : set) {
      if (same(one.what, what)) {
        place = &one;
        break;
      }
      if (one.until < place->until) {
        place = &one;
      }
    }
    *place = {what, version, until};
  }

 private:
  static constexpr size_t kWays = 4;
  static constexpr size_t kSets = 512;

  struct Entry {
    Digest what{};
    uint64_t version = 0;
    TimePoint until{};
  };

  using Table = std::array<std::array<Entry, kWays>, kSets>;

  static size_t set_of(const Digest& what) noexcept { return DigestHash()(what) % kSets; }

  mutable std::vector<std::unique_ptr<Table>> tables_;  // by worker
};

}  // namespace pingap::plugin
