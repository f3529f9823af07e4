#include "http/hpack/dynamic_table.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <functional>

#include "http/hpack/quick_text.h"

namespace pingap::http::hpack {
namespace {

constexpr uint32_t kFirstSlots = 16;
constexpr size_t kFirstRoom = 512;

bool is_inside(std::string_view text, std::string_view memory) noexcept {
  // std::less is defined between objects, too.
  return !std::less<>()(text.begin(), memory.begin()) && std::less<>()(text.begin(), memory.end());
}

}  // namespace

void DynamicTable::set_capacity(size_t capacity) noexcept {
  capacity_ = capacity;
  evict_to(capacity);
}

void DynamicTable::evict_to(size_t size) noexcept {
  while (size_ > size) {
    size_ -= entry(count_ - 1).bytes() + kEntryOverhead;
    --count_;
  }
  used_ = count_ == 0 ? 0 : used_;
}

DecodedField DynamicTable::at(size_t index) const noexcept {
  return {name_at(index), value_of(entry(index)), entry(index).value_well_formed};
}

Name DynamicTable::name_at(size_t index) const noexcept {
  const Entry& one = entry(index);
  return {name_of(one), one.id, one.pseudo, one.name_well_formed};
}

// A slot for one more entry.
void DynamicTable::make_slot() noexcept {
  if (count_ < slots_) {
    return;
  }
  const uint32_t slots = std::max(kFirstSlots, slots_ * 2);
  auto larger = std::make_unique_for_overwrite<Entry[]>(slots);  // NOLINT: out of memory ends us
  for (uint32_t i = 0; i < count_; ++i) {
    larger[i] = entry(count_ - 1 - i);
  }
  entries_ = std::move(larger);
  slots_ = slots;
  next_ = count_;
}

// Memory behind the live bytes. These move to the front once in as many bytes as the table has,
// so that a table in use allocates nothing.
char* DynamicTable::make_room(size_t bytes) noexcept {
  if (room_ - used_ >= bytes) {
    return bytes_.get() + used_;
  }
  const uint32_t begin = count_ == 0 ? used_ : entry(count_ - 1).begin;
  const uint32_t live = used_ - begin;
  const size_t wanted = std::bit_ceil(std::max(kFirstRoom, 2 * (live + bytes)));
  const size_t room = std::min(wanted, std::max<size_t>(2 * capacity_, live + bytes));
  if (room > room_) {
    auto larger = std::make_unique_for_overwrite<char[]>(room);  // NOLINT: out of memory ends us
    std::copy_n(bytes_.get() + begin, live, larger.get());
    bytes_ = std::move(larger);
    room_ = static_cast<uint32_t>(room);
  } else {
    std::memmove(bytes_.get(), bytes_.get() + begin, live);
  }
  for (uint32_t i = 0; i < count_; ++i) {
    entries_[(next_ - 1 - i) & (slots_ - 1)].begin -= begin;
  }
  used_ = live;
  return bytes_.get() + used_;
}

// The entry whose name it is may be thrown out, or move (RFC 7541 4.4). Apart from insert(), whose
// stack would be as large.
void DynamicTable::insert_again(const Name& name, std::string_view value, bool well_formed,
                                uint32_t hash) noexcept {
  std::array<char, kLargestTable> kept;  // NOLINT(*-member-init): what is used of it is written
  Name copy = name;
  copy.text = {kept.data(), name.text.copy(kept.data(), name.text.size())};
  insert(copy, value, well_formed, hash);
}

void DynamicTable::insert(const Name& name, std::string_view value, bool well_formed,
                          uint32_t hash) noexcept {
  const size_t bytes = name.text.size() + value.size();
  if (bytes + kEntryOverhead > capacity_) {
    evict_to(0);
    return;
  }
  const std::string_view text = name.text;
  if (room_ > 0 && is_inside(text, {bytes_.get(), room_})) {
    insert_again(name, value, well_formed, hash);
    return;
  }
  evict_to(capacity_ - bytes - kEntryOverhead);
  make_slot();
  char* to = make_room(bytes);
  const auto begin = static_cast<uint32_t>(to - bytes_.get());
  text.copy(to, text.size());
  value.copy(to + text.size(), value.size());
  used_ = begin + static_cast<uint32_t>(bytes);
  entries_[next_ & (slots_ - 1)] = {hash,
                                    begin,
                                    static_cast<uint16_t>(text.size()),
                                    static_cast<uint16_t>(value.size()),
                                    name.id,
                                    name.pseudo,
                                    name.well_formed,
                                    well_formed};
  next_ = (next_ + 1) & (slots_ - 1);
  ++count_;
  ++inserted_;
  size_ += bytes + kEntryOverhead;
}

bool DynamicTable::is_at(size_t index, uint32_t hash, const Name& name,
                         std::string_view value) const noexcept {
  const Entry& one = entry(index);
  if (one.hash != hash || one.id != name.id || one.pseudo != name.pseudo) {
    return false;
  }
  const bool known = name.id != HeaderId::other || name.pseudo != Pseudo::none;
  return quick_equal(value_of(one), value) && (known || name_of(one) == name.text);
}

size_t DynamicTable::find(uint32_t hash, const Name& name, std::string_view value) const noexcept {
  for (size_t i = 0; i < count_; ++i) {
    if (is_at(i, hash, name, value)) {
      return i;
    }
  }
  return kNone;
}

}  // namespace pingap::http::hpack
