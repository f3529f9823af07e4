#include "plugin/auth/jwt_json.h"

#include <charconv>
#include <cmath>
#include <simdjson.h>

namespace pingap::plugin {
namespace {

namespace dom = simdjson::dom;

static_assert(kJsonPadding >= simdjson::SIMDJSON_PADDING);

constexpr size_t kMaxDepth = 16;
constexpr size_t kMaxMembers = 128;  // of one object: they are compared with each other
constexpr size_t kMaxItems = 1024;   // of one list of texts
constexpr size_t kMaxKeys = 100;

dom::parser& parser_of_thread() {
  thread_local dom::parser parser(kMaxJson);
  thread_local const bool ready = parser.allocate(kMaxJson, kMaxDepth) == simdjson::SUCCESS;
  static_cast<void>(ready);
  return parser;
}

bool is_clean(std::string_view text) noexcept {
  return text.find('\0') == std::string_view::npos;
}

// Also of what is inside of it: no name twice.
bool has_unique_names(dom::element element) noexcept {
  if (element.is_array()) {
    for (const dom::element item : dom::array(element)) {
      if (!has_unique_names(item)) {
        return false;
      }
    }
    return true;
  }
  if (!element.is_object()) {
    return true;
  }
  std::array<std::string_view, kMaxMembers> seen;
  size_t count = 0;
  for (const dom::key_value_pair member : dom::object(element)) {
    if (count == kMaxMembers || !is_clean(member.key)) {
      return false;
    }
    for (size_t i = 0; i < count; ++i) {
      if (seen[i] == member.key) {
        return false;
      }
    }
    seen[count++] = member.key;
    if (!has_unique_names(member.value)) {
      return false;
    }
  }
  return true;
}

std::string_view copy_number(auto number, Arena& arena) noexcept {
  constexpr size_t kDigits = 32;
  char* out = arena.make_array<char>(kDigits);
  return {out, static_cast<size_t>(std::to_chars(out, out + kDigits, number).ptr - out)};
}

// True also for a list in which are other things: that is `other`.
bool read_texts(dom::array from, Arena& arena, JsonMember& to) noexcept {
  auto* texts = arena.make_array<std::string_view>(std::min(from.size(), kMaxItems));
  size_t count = 0;
  for (const dom::element item : from) {
    std::string_view text;
    if (item.get(text) != simdjson::SUCCESS) {
      return true;
    }
    if (count == kMaxItems || !is_clean(text)) {
      return false;
    }
    texts[count++] = arena.copy(text);
  }
  to.kind = JsonMember::Kind::texts;
  to.texts = {texts, count};
  return true;
}

template <class Number>
bool read_number(Number number, Arena& arena, JsonMember& to) noexcept {
  to.kind = JsonMember::Kind::number;
  to.number = static_cast<double>(number);
  to.text = copy_number(number, arena);
  return std::isfinite(to.number);
}

// By get(): the conversions throw.
bool read_member(dom::element from, Arena& arena, JsonMember& to) noexcept {
  using Kind = JsonMember::Kind;
  constexpr auto kGood = simdjson::SUCCESS;
  if (std::string_view text; from.get(text) == kGood) {
    to.kind = Kind::text;
    to.text = arena.copy(text);
    return is_clean(to.text);
  }
  if (bool boolean = false; from.get(boolean) == kGood) {
    to.kind = Kind::boolean;
    to.boolean = boolean;
    to.text = boolean ? "true" : "false";
    return true;
  }
  if (dom::array list; from.get(list) == kGood) {
    to.kind = Kind::other;
    return read_texts(list, arena, to);
  }
  // An integer would be given as a double, too: the most exact first.
  if (int64_t number = 0; from.get(number) == kGood) {
    return read_number(number, arena, to);
  }
  if (uint64_t number = 0; from.get(number) == kGood) {
    return read_number(number, arena, to);
  }
  if (double number = 0; from.get(number) == kGood) {
    return read_number(number, arena, to);
  }
  to.kind = from.is_null() ? Kind::null : Kind::other;
  return true;
}

}  // namespace

std::optional<JsonObject> read_json_object(std::string_view text, Arena& arena) noexcept {
  dom::object object;
  dom::element root;
  if (text.size() > kMaxJson ||
      parser_of_thread().parse(text.data(), text.size(), false).get(root) != simdjson::SUCCESS ||
      root.get(object) != simdjson::SUCCESS || !has_unique_names(root)) {
    return std::nullopt;
  }
  const size_t count = object.size();
  auto* members = arena.make_array<JsonMember>(count);
  size_t filled = 0;
  for (const dom::key_value_pair member : object) {
    JsonMember& to = *new (&members[filled++]) JsonMember;
    to.name = arena.copy(member.key);
    if (!read_member(member.value, arena, to)) {
      return std::nullopt;
    }
  }
  return JsonObject{{members, filled}};
}

std::optional<std::vector<JsonKey>> read_key_set(std::string_view text) {
  dom::parser parser;
  dom::element root;
  dom::array list;
  if (parser.allocate(text.size(), kMaxDepth) != simdjson::SUCCESS ||
      parser.parse(text.data(), text.size(), true).get(root) != simdjson::SUCCESS ||
      !root.is_object() || root["keys"].get(list) != simdjson::SUCCESS || list.size() > kMaxKeys ||
      !has_unique_names(root)) {
    return std::nullopt;
  }
  std::vector<JsonKey> keys;
  for (const dom::element item : list) {
    dom::object object;
    if (item.get(object) != simdjson::SUCCESS) {
      return std::nullopt;
    }
    JsonKey& key = keys.emplace_back();
    for (const dom::key_value_pair member : object) {
      std::string_view value;
      dom::array operations;
      if (member.value.get(value) == simdjson::SUCCESS) {
        key.texts.emplace_back(member.key, value);
      } else if (member.key == "key_ops" && member.value.get(operations) == simdjson::SUCCESS) {
        key.has_operations = true;
        for (const dom::element operation : operations) {
          if (operation.get(value) == simdjson::SUCCESS) {
            key.operations.emplace_back(value);
          }
        }
      }
    }
  }
  return keys;
}

}  // namespace pingap::plugin
