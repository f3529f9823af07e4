// A hash table from (scope, text) to a number: filled at load, then only read, by any thread and
// without allocation. The keys are the operator's, so the hash needs no secret.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"

namespace pingap::route {

class TextTable {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  // The value of the key, which is added with `value` when it is not there yet.
  uint32_t add(uint32_t scope, std::string_view text, uint32_t value);

  // kNone when there is no such key.
  uint32_t find(uint32_t scope, std::string_view text) const noexcept {
    if (slots_.empty()) {
      return kNone;
    }
    const uint64_t hash = hash_of(scope, text);
    for (size_t at = hash & mask_; slots_[at].value != kNone; at = (at + 1) & mask_) {
      const Slot& slot = slots_[at];
      if (slot.hash == hash && slot.scope == scope && text_of(slot) == text) {
        return slot.value;
      }
    }
    return kNone;
  }

  bool empty() const noexcept { return count_ == 0; }

  size_t size() const noexcept { return count_; }

 private:
  struct Slot {
    uint64_t hash = 0;
    uint32_t scope = 0;
    uint32_t offset = 0;  // of the text in texts_
    uint32_t size = 0;
    uint32_t value = kNone;
  };

  static uint64_t hash_of(uint32_t scope, std::string_view text) noexcept {
    return hash64(text) + scope * uint64_t{0x9e3779b97f4a7c15};
  }

  std::string_view text_of(const Slot& slot) const noexcept {
    return {texts_.data() + slot.offset, slot.size};
  }

  void grow();

  std::vector<Slot> slots_;  // a power of two, at most half of them taken
  size_t mask_ = 0;          // slots_.size() - 1
  std::string texts_;
  size_t count_ = 0;
};

}  // namespace pingap::route
