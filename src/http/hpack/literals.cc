#include "http/hpack/literals.h"

#include "http/hpack/field_rules.h"
#include "http/hpack/huffman.h"
#include "http/hpack/integer.h"

namespace pingap::http::hpack {
namespace {

// What is to be known of a text.
void look_at(std::string_view text, Name& name) noexcept {
  name = identify(text);
}

void look_at(std::string_view text, Value& value) noexcept {
  value = {text, is_field_value(text)};
}

// `room` grows to the longest there was: of a block, which is bounded. False where it is no such
// code.
template <class Literal>
bool unpack(std::string_view code, std::vector<char>& room, Literal& out) noexcept {
  const size_t most = huffman_room(code.size());
  if (room.size() < most) {
    room.resize(most);
  }
  const size_t size = huffman_decode(code, room.data());
  if (size == kNotHuffman) {
    return false;
  }
  look_at({room.data(), size}, out);
  return true;
}

}  // namespace

Literals& Literals::of_thread() noexcept {
  static thread_local Literals literals;
  return literals;
}

template <class Literal, size_t kSlots>
bool Literals::read(std::string_view& in, Again again, Coded<Literal, kSlots>& coded,
                    Literal& out) noexcept {
  constexpr uint8_t kHuffman = 0x80;
  if (in.empty()) {
    return false;
  }
  const bool huffman = (static_cast<uint8_t>(in.front()) & kHuffman) != 0;
  uint32_t size = 0;
  if (!read_integer(in, 7, size) || size > in.size()) {
    return false;
  }
  const std::string_view text = in.substr(0, size);
  in.remove_prefix(size);
  if (!huffman) {
    look_at(text, out);
    return true;
  }
  if (again == Again::no) {
    return unpack(text, coded.room, out);
  }
  if (const Literal* known = coded.memo.find(text); known != nullptr) {
    out = *known;
    return true;
  }
  if (!unpack(text, coded.room, out)) {
    return false;
  }
  coded.memo.keep(text, out);
  return true;
}

bool Literals::read_name(std::string_view& in, Again again, Name& out) noexcept {
  return read(in, again, names_, out);
}

bool Literals::read_value(std::string_view& in, Again again, Value& out) noexcept {
  return read(in, again, values_, out);
}

bool Literals::knows(std::string_view code) const noexcept {
  return names_.memo.find(code) != nullptr || values_.memo.find(code) != nullptr;
}

}  // namespace pingap::http::hpack
