#include "route/text_table.h"

#include <algorithm>
#include <utility>

namespace pingap::route {

void TextTable::grow() {
  std::vector<Slot> old = std::exchange(slots_, {});
  slots_.resize(std::max<size_t>(8, old.size() * 2));
  mask_ = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.value == kNone) {
      continue;
    }
    size_t at = slot.hash & mask_;
    while (slots_[at].value != kNone) {
      at = (at + 1) & mask_;
    }
    slots_[at] = slot;
  }
}

uint32_t TextTable::add(uint32_t scope, std::string_view text, uint32_t value) {
  const uint32_t found = find(scope, text);
  if (found != kNone) {
    return found;
  }
  if (2 * (count_ + 1) > slots_.size()) {
    grow();
  }
  const uint64_t hash = hash_of(scope, text);
  size_t at = hash & mask_;
  while (slots_[at].value != kNone) {
    at = (at + 1) & mask_;
  }
  slots_[at] = {hash, scope, static_cast<uint32_t>(texts_.size()),
                static_cast<uint32_t>(text.size()), value};
  texts_ += text;
  ++count_;
  return value;
}

}  // namespace pingap::route
