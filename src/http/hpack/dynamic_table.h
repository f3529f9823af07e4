// The dynamic table of HPACK (RFC 7541 2.3.2, 4): the newest fields, as many as its size allows.
// Memory: what is in it, twice at most; none while it is empty from the start. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "http/hpack/field.h"

namespace pingap::http::hpack {

// Bytes that an entry counts beside its name and value (RFC 7541 4.1).
inline constexpr size_t kEntryOverhead = 32;
// The largest table there can be: offsets are small numbers.
inline constexpr size_t kLargestTable = 16 * 1024;

class DynamicTable {
 public:
  // `capacity`: bytes, as RFC 7541 4.1 counts them; at most kLargestTable.
  explicit DynamicTable(size_t capacity) noexcept : capacity_(capacity) {}

  size_t capacity() const noexcept { return capacity_; }

  // Throws the oldest out until the rest fits (RFC 7541 4.3).
  void set_capacity(size_t capacity) noexcept;

  size_t count() const noexcept { return count_; }

  // Bytes, as RFC 7541 4.1 counts them.
  size_t size() const noexcept { return size_; }

  // `index` from 0, which is the newest one, below count(). Valid until the next insert().
  DecodedField at(size_t index) const noexcept;
  Name name_at(size_t index) const noexcept;

  // The oldest make room; a field larger than the table empties it and is not in it (RFC 7541
  // 4.4). The name may be that of an entry; the value is nowhere in the table. `hash`: what find()
  // looks for.
  void insert(const Name& name, std::string_view value, bool well_formed,
              uint32_t hash = 0) noexcept;

  // How often there was something inserted, ever; it may wrap.
  uint32_t inserted() const noexcept { return inserted_; }

  static constexpr size_t kNone = SIZE_MAX;

  // Whether the entry at `index` has this hash, name and value.
  bool is_at(size_t index, uint32_t hash, const Name& name, std::string_view value) const noexcept;

  // The index of an entry with this hash, name and value; kNone where there is none.
  size_t find(uint32_t hash, const Name& name, std::string_view value) const noexcept;

 private:
  struct Entry {
    uint32_t hash;
    uint32_t begin;  // in bytes_: the name, then the value
    uint16_t name_size;
    uint16_t value_size;
    HeaderId id;
    Pseudo pseudo;
    bool name_well_formed;
    bool value_well_formed;

    size_t bytes() const noexcept { return size_t{name_size} + value_size; }
  };

  const Entry& entry(size_t index) const noexcept {
    return entries_[(next_ - 1 - index) & (slots_ - 1)];
  }

  std::string_view name_of(const Entry& entry) const noexcept {
    return {bytes_.get() + entry.begin, entry.name_size};
  }

  std::string_view value_of(const Entry& entry) const noexcept {
    return {bytes_.get() + entry.begin + entry.name_size, entry.value_size};
  }

  void insert_again(const Name& name, std::string_view value, bool well_formed,
                    uint32_t hash) noexcept;
  void evict_to(size_t size) noexcept;
  void make_slot() noexcept;
  char* make_room(size_t bytes) noexcept;

  size_t capacity_;
  size_t size_ = 0;
  uint32_t count_ = 0;
  uint32_t inserted_ = 0;
  uint32_t next_ = 0;   // where the next entry goes, modulo slots_
  uint32_t slots_ = 0;  // a power of two, or none
  uint32_t room_ = 0;   // of bytes_
  uint32_t used_ = 0;   // of bytes_: live ones are together, at the end of these
  std::unique_ptr<Entry[]> entries_;
  std::unique_ptr<char[]> bytes_;
};

}  // namespace pingap::http::hpack
