// A configuration text as a tree with the place of every key and value: what the TOML library
// found, without the library. Control thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostics.h"

namespace pingap::config {

// `unusable` is a value whose error was reported already: it is passed over in silence.
// Only JSON has a null.
enum class ValueKind : uint8_t {
  string,
  integer,
  floating,
  boolean,
  date,
  array,
  table,
  unusable,
  null
};

struct Member;

struct Value {
  ValueKind kind = ValueKind::table;
  Position at;
  std::string text;             // of a string; in TOML also a number with a point, or a date
  int64_t integer = 0;          // of an integer; of a boolean 0 or 1
  bool expanded = false;        // a string that held ${...}: may stand for a number or boolean too
  std::vector<Value> items;     // of an array
  std::vector<Member> members;  // of a table, in the order of the text
};

struct Member {
  std::string key;
  Position at;  // of the key
  Value value;
};

// "a string", "an integer", ...
std::string_view to_string(ValueKind kind) noexcept;

// Makes a tree of a text. Errors go to `diagnostics`; then the result is an empty table.
// Limits: kMaxNesting, kMaxValues.
Value read_toml(std::string_view text, uint32_t source, Diagnostics& diagnostics);

// The same of a text in JSON (RFC 8259), with the same limits; a key that is there twice is an
// error.
Value read_json(std::string_view text, uint32_t source, Diagnostics& diagnostics);

// How deep arrays, tables and dotted keys may nest, and how many keys and values a text may have
// (CF-01). Both are checked before the library sees the text.
inline constexpr size_t kMaxNesting = 64;
inline constexpr size_t kMaxValues = 150'000;

// A place where a text goes beyond these limits, line 0 if nowhere. Linear, without a stack.
struct LimitProblem {
  uint32_t line = 0;
  uint32_t column = 0;
  const char* what = nullptr;
};

LimitProblem check_limits(std::string_view text) noexcept;

}  // namespace pingap::config
