// The fields of a head or trailer section in arrival order, as views.
// The names and values point into the head's chunk or the exchange's arena; whoever keeps a map
// keeps those alive. A removed field stays in its place and is skipped. Worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "http/header_id.h"

namespace pingap {
class Arena;
}

namespace pingap::http {

struct Field {
  const char* name_data;
  const char* value_data;
  uint32_t value_size;
  uint16_t name_size;
  HeaderId id;
  uint8_t flags;

  // The bytes around are exactly "name: value\r\n", so that a run of such fields may be copied
  // in one piece: the copy is what writing them anew would give.
  static constexpr uint8_t kCanonical = 1;
  static constexpr uint8_t kRemoved = 2;
  // Put there by us and not by a peer: no Connection and no rule about underscores takes it away.
  static constexpr uint8_t kOurs = 4;
  // Whoever passes it on may not put it into a table of HPACK either (RFC 7541 7.1.3).
  static constexpr uint8_t kNeverIndexed = 8;

  std::string_view name() const noexcept { return {name_data, name_size}; }

  std::string_view value() const noexcept { return {value_data, value_size}; }

  bool removed() const noexcept { return (flags & kRemoved) != 0; }

  void remove() noexcept { flags |= kRemoved; }
};

class HeaderMap {
 public:
  // An empty map that can hold `capacity` fields of `storage`.
  HeaderMap() noexcept = default;

  explicit HeaderMap(std::span<Field> storage) noexcept
      : fields_(storage.data()), capacity_(static_cast<uint32_t>(storage.size())) {}

  // A copy of `source` (fields not removed) in `arena`, with room for at least `spare` more.
  static HeaderMap copy(const HeaderMap& source, Arena& arena, size_t spare) noexcept;

  // False when full and there is no arena to grow in. The views must outlive the map.
  bool add(std::string_view name, std::string_view value) noexcept;
  bool add(HeaderId id, std::string_view value) noexcept;  // with the usual spelling

  bool add(const Field& field) noexcept {
    if (size_ == capacity_ && !grow()) {
      return false;
    }
    fields_[size_++] = field;
    return true;
  }

  // The first field with this id/name that is not removed; null when there is none.
  Field* find(HeaderId id) noexcept;
  const Field* find(HeaderId id) const noexcept;
  Field* find(std::string_view name) noexcept;
  const Field* find(std::string_view name) const noexcept;
  // Its value, or empty. Where absent and empty differ use find().
  std::string_view get(HeaderId id) const noexcept;
  std::string_view get(std::string_view name) const noexcept;

  // Removes every field with this id/name.
  void remove(HeaderId id) noexcept;
  void remove(std::string_view name) noexcept;
  // Removes all others of that name and sets one field.
  bool set(HeaderId id, std::string_view value) noexcept;
  bool set(std::string_view name, std::string_view value) noexcept;

  void clear() noexcept { size_ = 0; }

  // For loops that fill many: slots behind the last field, and how many of them were filled.
  std::span<Field> room() noexcept { return {fields_ + size_, capacity_ - size_}; }

  void filled(size_t count) noexcept { size_ += static_cast<uint32_t>(count); }

  // All slots, removed fields included: callers skip those with removed().
  std::span<Field> fields() noexcept { return {fields_, size_}; }

  std::span<const Field> fields() const noexcept { return {fields_, size_}; }

  size_t size() const noexcept { return size_; }

  size_t capacity() const noexcept { return capacity_; }

 private:
  bool grow() noexcept;

  Field* fields_ = nullptr;
  uint32_t size_ = 0;
  uint32_t capacity_ = 0;
  Arena* arena_ = nullptr;  // where it grows; null = fixed capacity
};

}  // namespace pingap::http
