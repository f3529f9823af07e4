// JSON of strangers (RFC 8259): heads and claims of tokens, and sets of keys. The library behind it
// (simdjson) is seen in jwt_json.cc only. What is refused beyond the grammar: a key that is there
// twice, deep nesting, a text with a NUL, a number that is none of a double. Any thread; parsers
// are kept per thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"

namespace pingap::plugin {

struct JsonMember {
  enum class Kind : uint8_t { null, boolean, number, text, texts, other };

  std::string_view name;
  Kind kind = Kind::null;
  bool boolean = false;
  double number = 0;
  std::string_view text;  // of a text; of a number and a boolean as they are written
  std::span<const std::string_view> texts;  // of a list in which nothing else is
};

struct JsonObject {
  std::span<const JsonMember> members;

  const JsonMember* find(std::string_view name) const noexcept {
    for (const JsonMember& one : members) {
      if (one.name == name) {
        return &one;
      }
    }
    return nullptr;
  }
};

inline constexpr size_t kMaxJson = 64 * 1024;  // bytes of an object
// Bytes behind a text that the parser may read.
inline constexpr size_t kJsonPadding = 64;

// An object. `text` has kJsonPadding bytes behind it; what the result holds is in `arena`.
std::optional<JsonObject> read_json_object(std::string_view text, Arena& arena) noexcept;

// One key of {"keys": [...]} (RFC 7517): its members that are texts, or lists of them.
struct JsonKey {
  std::vector<std::pair<std::string, std::string>> texts;
  std::vector<std::string> operations;  // key_ops
  bool has_operations = false;

  std::string_view get(std::string_view name) const noexcept {
    for (const auto& [key, value] : texts) {
      if (key == name) {
        return value;
      }
    }
    return {};
  }
};

// nullopt for what is no set of keys. Not for the path of requests.
std::optional<std::vector<JsonKey>> read_key_set(std::string_view text);

}  // namespace pingap::plugin
