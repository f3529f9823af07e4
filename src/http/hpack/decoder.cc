#include "http/hpack/decoder.h"

#include <vector>

#include "http/hpack/field_rules.h"
#include "http/hpack/huffman.h"
#include "http/hpack/integer.h"
#include "http/hpack/static_table.h"

namespace pingap::http::hpack {
namespace {

// The first bits of a representation (RFC 7541 6).
constexpr uint8_t kIndexed = 0x80;
constexpr uint8_t kWithIndexing = 0x40;
constexpr uint8_t kSizeUpdate = 0x20;

// Where a string goes that comes in Huffman's code. Grows to the longest there was: of a block,
// which is bounded.
std::string_view unpack(std::string_view encoded, std::vector<char>& room, bool& good) noexcept {
  const size_t most = huffman_room(encoded.size());
  if (room.size() < most) {
    room.resize(most);
  }
  const size_t size = huffman_decode(encoded, room.data());
  good = size != kNotHuffman;
  return {room.data(), good ? size : 0};
}

// A string literal (RFC 7541 5.2). False where it is none or does not end in the block.
bool read_string(std::string_view& in, std::vector<char>& room, std::string_view& out) noexcept {
  constexpr uint8_t kHuffman = 0x80;
  if (in.empty()) {
    return false;
  }
  const bool huffman = (static_cast<uint8_t>(in.front()) & kHuffman) != 0;
  uint32_t size = 0;
  if (!read_integer(in, 7, size) || size > in.size()) {
    return false;
  }
  out = in.substr(0, size);
  in.remove_prefix(size);
  bool good = true;
  if (huffman) {
    out = unpack(out, room, good);
  }
  return good;
}

}  // namespace

// Of the thread: no block outlives the call.
struct Decoder::Strings {
  std::vector<char> name;
  std::vector<char> value;
};

bool Decoder::find(uint32_t index, DecodedField& field) const noexcept {
  if (index == 0) {
    return false;
  }
  if (index <= kStaticEntries) {
    const StaticEntry& entry = kStaticTable[index];
    field = {{entry.name, entry.id, entry.pseudo, true}, entry.value, true};
    return true;
  }
  const size_t dynamic = index - kStaticEntries - 1;
  if (dynamic >= table_.count()) {
    return false;
  }
  field = table_.at(dynamic);
  return true;
}

bool Decoder::read_literal(std::string_view& in, unsigned bits, Strings& strings,
                           DecodedField& field) noexcept {
  uint32_t index = 0;
  if (!read_integer(in, bits, index)) {
    return false;
  }
  if (index != 0) {
    if (!find(index, field)) {
      return false;
    }
  } else {
    std::string_view name;
    if (!read_string(in, strings.name, name)) {
      return false;
    }
    field.name = identify(name);
  }
  if (!read_string(in, strings.value, field.value)) {
    return false;
  }
  field.well_formed = is_field_value(field.value);
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
  static thread_local Strings strings;
  // The size changes only in front of the first field (RFC 7541 4.2).
  while (!block.empty() && (static_cast<uint8_t>(block.front()) & 0xe0) == kSizeUpdate) {
    if (!read_size_update(block)) {
      return Outcome::broken;
    }
  }
  DecodedField field;  // made once: each representation sets all of it
  while (!block.empty()) {
    const auto first = static_cast<uint8_t>(block.front());
    if ((first & kIndexed) != 0) {
      uint32_t index = 0;
      if (!read_integer(block, 7, index) || !find(index, field)) {
        return Outcome::broken;
      }
    } else if ((first & kWithIndexing) != 0) {
      if (!read_literal(block, 6, strings, field)) {
        return Outcome::broken;
      }
      // It is taken first: the insertion may move what it is a view of.
      if (!take(field)) {
        return Outcome::stopped;
      }
      table_.insert(field.name, field.value, field.well_formed);
      continue;
    } else if ((first & kSizeUpdate) != 0 || !read_literal(block, 4, strings, field)) {
      return Outcome::broken;
    }
    if (!take(field)) {
      return Outcome::stopped;
    }
  }
  return Outcome::done;
}

}  // namespace pingap::http::hpack
