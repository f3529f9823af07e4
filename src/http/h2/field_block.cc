#include "http/h2/field_block.h"

#include <cstring>

#include "http/h2/frame.h"

namespace pingap::http::h2 {

// Most heads fit into one chunk; a larger one moves, once: what is kept, with its cookies joined,
// is never more than twice the limit.
void FieldBlock::grow(size_t bytes) noexcept {
  if (!bytes_) {
    bytes_ = make_chunk();
    if (bytes_.capacity() >= bytes) {
      return;
    }
  }
  ChunkRef larger = make_chunk(2 * most_);
  std::memcpy(larger.data(), bytes_.data(), size_);
  const auto moved = [&](const char* from) { return larger.data() + (from - bytes_.data()); };
  for (Field& field : fields()) {
    field.value_data = moved(field.value_data);
    if (field.id == HeaderId::other) {
      field.name_data = moved(field.name_data);
    }
  }
  on_moved(bytes_.data(), larger.data());
  bytes_ = std::move(larger);
}

std::string_view FieldBlock::keep(std::string_view text) noexcept {
  make_room(text.size());
  return append(text);
}

// There is room for it.
std::string_view FieldBlock::append(std::string_view text) noexcept {
  if (text.empty()) {
    return {};
  }
  char* to = bytes_.data() + size_;
  std::memcpy(to, text.data(), text.size());
  size_ += text.size();
  return {to, text.size()};
}

bool FieldBlock::count(std::string_view name, std::string_view value) noexcept {
  list_size_ += name.size() + value.size() + kFieldOverhead;
  too_long_ = too_long_ || list_size_ > most_;
  return list_size_ <= most_;
}

void FieldBlock::add_field(const hpack::DecodedField& field) noexcept {
  if (count_ == room_.size()) {
    too_many_ = true;
    return;
  }
  const HeaderId id = field.name.id;
  make_room(field.name.text.size() + field.value.size());
  const std::string_view kept_name =
      id == HeaderId::other ? append(field.name.text) : header_name(id);
  const std::string_view kept_value = append(field.value);
  room_[count_++] = {kept_name.data(),
                     kept_value.data(),
                     static_cast<uint32_t>(kept_value.size()),
                     static_cast<uint16_t>(kept_name.size()),
                     id,
                     field.never_indexed ? Field::kNeverIndexed : uint8_t{0}};
}

HeaderMap FieldBlock::trailers() noexcept {
  HeaderMap map{room_};
  map.filled(too_large() ? 0 : count_);
  return map;
}

}  // namespace pingap::http::h2
