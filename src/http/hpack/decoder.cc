#include "http/hpack/decoder.h"

#include "http/hpack/integer.h"
#include "http/hpack/literals.h"
#include "http/hpack/static_table.h"

namespace pingap::http::hpack {
namespace {

// The first bits of a representation (RFC 7541 6).
constexpr uint8_t kIndexed = 0x80;
constexpr uint8_t kWithIndexing = 0x40;
constexpr uint8_t kSizeUpdate = 0x20;
constexpr uint8_t kNeverIndexed = 0x10;

// Also of a peer that does not say so.
bool is_credential(HeaderId id) noexcept {
  return id == HeaderId::cookie || id == HeaderId::set_cookie || id == HeaderId::authorization ||
         id == HeaderId::proxy_authorization;
}

}  // namespace

bool Decoder::find(uint32_t index, DecodedField& field) const noexcept {
  if (index == 0) {
    return false;
  }
  if (index <= kStaticEntries) {
    field = kStaticTable[index];
    return true;
  }
  const size_t dynamic = index - kStaticEntries - 1;
  if (dynamic >= table_.count()) {
    return false;
  }
  field = table_.at(dynamic);
  return true;
}

bool Decoder::read_literal(std::string_view& in, unsigned bits, Again again, Literals& literals,
                           DecodedField& field) noexcept {
  uint32_t index = 0;
  if (!read_integer(in, bits, index)) {
    return false;
  }
  if (index != 0) {
    if (!find(index, field)) {
      return false;
    }
  } else if (!literals.read_name(in, again, field.name)) {
    return false;
  }
  Value value;
  if (!literals.read_value(in, is_credential(field.name.id) ? Again::no : again, value)) {
    return false;
  }
  field.value = value.text;
  field.well_formed = value.well_formed;
  field.never_indexed = false;
  return true;
}

// What begins with the byte `first`.
bool Decoder::read_field(std::string_view& in, uint8_t first, Literals& literals,
                         DecodedField& field) noexcept {
  if ((first & kIndexed) != 0) {
    uint32_t index = 0;
    return read_integer(in, 7, index) && find(index, field);
  }
  if ((first & kWithIndexing) != 0) {
    // Where the table has no room some have all indexed, each time.
    const Again again = table_.capacity() == 0 ? Again::yes : Again::no;
    return read_literal(in, 6, again, literals, field);
  }
  const bool never = (first & kNeverIndexed) != 0;
  const Again again = never ? Again::no : Again::yes;
  if ((first & kSizeUpdate) != 0 || !read_literal(in, 4, again, literals, field)) {
    return false;
  }
  field.never_indexed = never;
  return true;
}

bool Decoder::read_size_update(std::string_view& in) noexcept {
  uint32_t size = 0;
  if (!read_integer(in, 5, size) || size > limit_) {
    return false;
  }
  table_.set_capacity(size);
  return true;
}

Decoder::Outcome Decoder::decode(std::string_view block, TakeField take) noexcept {
  Literals& literals = Literals::of_thread();
  // The size changes only in front of the first field (RFC 7541 4.2).
  while (!block.empty() && (static_cast<uint8_t>(block.front()) & 0xe0) == kSizeUpdate) {
    if (!read_size_update(block)) {
      return Outcome::broken;
    }
  }
  DecodedField field;  // made once: each representation sets all of it
  while (!block.empty()) {
    const auto first = static_cast<uint8_t>(block.front());
    if (!read_field(block, first, literals, field)) {
      return Outcome::broken;
    }
    if (!take(field)) {
      return Outcome::stopped;
    }
    // It was taken first: the insertion may move what it is a view of.
    if ((first & (kIndexed | kWithIndexing)) == kWithIndexing) {
      table_.insert(field.name, field.value, field.well_formed);
    }
  }
  return Outcome::done;
}

}  // namespace pingap::http::hpack
