// The fields of a header block as HPACK decodes them, one after the other: a copy of each, counted
// against limits. What becomes of them is its heirs' (RequestBuilder, ResponseBuilder). Pure.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "base/chunk.h"
#include "http/header_map.h"
#include "http/hpack/field.h"

namespace pingap::http::h2 {

class FieldBlock {
 public:
  // Decoded bytes, as SETTINGS_MAX_HEADER_LIST_SIZE counts them, crumbs of cookies included.
  size_t list_size() const noexcept { return list_size_; }

  // Fields were left out.
  bool too_large() const noexcept { return too_long_ || too_many_; }

  // The fields of a trailer section; valid as long as this.
  HeaderMap trailers() noexcept;

 protected:
  // `room` is the heir's; at most `most` bytes are kept.
  FieldBlock(std::span<Field> room, size_t most) noexcept : room_(room), most_(most) {}

  ~FieldBlock() = default;

  // False, and the block is too long, where the field is beyond a limit.
  bool count(std::string_view name, std::string_view value) noexcept;
  void add_field(const hpack::DecodedField& field) noexcept;

  // Room for `bytes` more.
  void make_room(size_t bytes) noexcept {
    if (!bytes_ || bytes_.capacity() - size_ < bytes) [[unlikely]] {
      grow(bytes);
    }
  }

  std::string_view keep(std::string_view text) noexcept;
  // What was kept at `from` is now at `to`: for views that the heir has.
  virtual void on_moved(const char* from, const char* to) noexcept = 0;

  std::span<Field> fields() noexcept { return room_.first(count_); }

  std::span<const Field> fields() const noexcept { return room_.first(count_); }

  ChunkRef bytes_;
  size_t size_ = 0;  // used of bytes_
  std::span<Field> room_;
  size_t count_ = 0;       // used of room_
  bool too_long_ = false;  // in bytes
  bool too_many_ = false;  // fields

 private:
  void grow(size_t bytes) noexcept;
  std::string_view append(std::string_view text) noexcept;

  size_t most_;
  size_t list_size_ = 0;
};

}  // namespace pingap::http::h2
