// Reads string literals (RFC 7541 5.2) and looks at what they say. Peers send many again and again
// in Huffman's code without having them indexed: such are looked up before they are decoded. One
// for each thread, whose header blocks share it.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "http/hpack/field.h"
#include "http/hpack/literal_memo.h"

namespace pingap::http::hpack {

struct Value {
  std::string_view text;
  bool well_formed = true;  // see DecodedField
};

// Whether a literal may come again: it is no secret (RFC 7541 7.1.3), and goes into no table.
enum class Again : uint8_t { no, yes };

class Literals {
 public:
  static Literals& of_thread() noexcept;

  // Takes one off the front of `in`. False where there is none, or it does not end there. Its text
  // is valid until the next name, or the next value, is read, and as long as `in`.
  bool read_name(std::string_view& in, Again again, Name& out) noexcept;
  bool read_value(std::string_view& in, Again again, Value& out) noexcept;

  // Whether a name or a value is kept that has this code.
  bool knows(std::string_view code) const noexcept;

 private:
  template <class Literal, size_t kSlots>
  struct Coded {
    std::vector<char> room;  // where it is decoded
    LiteralMemo<Literal, kSlots> memo;
  };

  template <class Literal, size_t kSlots>
  static bool read(std::string_view& in, Again again, Coded<Literal, kSlots>& coded,
                   Literal& out) noexcept;

  // Apart, so that a value does not take the place of the name before it.
  Coded<Name, 32> names_;
  Coded<Value, 128> values_;
};

}  // namespace pingap::http::hpack
