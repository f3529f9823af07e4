// JSON (RFC 8259) as the tree that TOML becomes, with the place of each value. A reader of our own:
// what the libraries give has no places, and they take keys that are there twice.
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_set>

#include "base/strings.h"
#include "config/suggest.h"
#include "config/value.h"

namespace pingap::config {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

std::optional<uint32_t> parse_hex4(std::string_view text) noexcept {
  uint32_t value = 0;
  const auto [last, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  const bool whole = error == std::errc() && last == text.data() + text.size();
  return whole && text.size() == 4 ? std::optional(value) : std::nullopt;
}

void append_utf8(std::string& out, uint32_t code) {
  const auto add = [&](uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    add(code);
  } else if (code < 0x800) {
    add(0xc0 | code >> 6);
    add(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    add(0xe0 | code >> 12);
    add(0x80 | (code >> 6 & 0x3f));
    add(0x80 | (code & 0x3f));
  } else {
    add(0xf0 | code >> 18);
    add(0x80 | (code >> 12 & 0x3f));
    add(0x80 | (code >> 6 & 0x3f));
    add(0x80 | (code & 0x3f));
  }
}

// -?(0|[1-9][0-9]*)(.[0-9]+)?([eE][+-]?[0-9]+)? at the start of `text`: its length, 0 for none.
// `whole` says whether it has neither fraction nor exponent.
size_t number_length(std::string_view text, bool& whole) noexcept {
  size_t at = text.starts_with('-') ? 1 : 0;
  const auto digits = [&] {
    const size_t from = at;
    while (at < text.size() && is_digit(text[at])) {
      ++at;
    }
    return at - from;
  };
  const bool zero = at < text.size() && text[at] == '0';
  const size_t count = digits();
  if (count == 0 || (zero && count > 1)) {
    return 0;
  }
  whole = true;
  if (at < text.size() && text[at] == '.') {
    whole = false;
    ++at;
    if (digits() == 0) {
      return 0;
    }
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    whole = false;
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) {
      ++at;
    }
    if (digits() == 0) {
      return 0;
    }
  }
  return at;
}

class JsonReader {
 public:
  JsonReader(std::string_view text, uint32_t source, Diagnostics& diagnostics)
      : rest_(text), source_(source), diagnostics_(diagnostics) {}

  Value run() {
    Value value;
    skip_blanks();
    if (!read(value, 0)) {
      return {};
    }
    skip_blanks();
    return rest_.empty() || fail("something follows the value") ? std::move(value) : Value{};
  }

 private:
  Position here() const noexcept { return {source_, line_, column_}; }

  // Always false; only the first problem is told.
  bool fail(std::string what) {
    diagnostics_.error(here(), "not valid JSON: " + std::move(what));
    return false;
  }

  void advance(size_t count) noexcept {
    for (const char c : rest_.substr(0, count)) {
      if (c == '\n') {
        ++line_;
        column_ = 1;
      } else if ((static_cast<uint8_t>(c) & 0xc0) != 0x80) {
        ++column_;
      }
    }
    rest_.remove_prefix(count);
  }

  void skip_blanks() noexcept { advance(std::min(rest_.find_first_not_of(kBlanks), rest_.size())); }

  // The byte, and blanks behind it.
  bool take(char wanted) noexcept {
    if (!rest_.starts_with(wanted)) {
      return false;
    }
    advance(1);
    skip_blanks();
    return true;
  }

  // Recursion is bounded by kMaxNesting.
  bool read(Value& out, size_t depth) {
    out.at = here();
    if (rest_.empty()) {
      return fail("it ends too early");
    }
    if (depth > kMaxNesting) {
      return fail("values are nested too deep");
    }
    if (++values_ > kMaxValues) {
      return fail("it has too many values");
    }
    switch (rest_.front()) {
      case '{':
        return read_object(out, depth);
      case '[':
        return read_array(out, depth);
      case '"':
        out.kind = ValueKind::string;
        return read_string(out.text);
      default:
        return read_word(out);
    }
  }

  bool read_object(Value& out, size_t depth) {
    out.kind = ValueKind::table;
    std::unordered_set<std::string> keys;
    take('{');
    while (!take('}')) {
      if (!out.members.empty() && !take(',')) {
        return fail("`,` or `}` is missing");
      }
      Member& member = out.members.emplace_back();
      member.at = here();
      if (!rest_.starts_with('"')) {
        return fail("a key in quotes is missing");
      }
      if (!read_string(member.key)) {
        return false;
      }
      if (!keys.insert(member.key).second) {
        return fail("the key " + quote(member.key) + " is there twice");
      }
      skip_blanks();
      if (!take(':')) {
        return fail("`:` is missing");
      }
      if (!read(member.value, depth + 1)) {
        return false;
      }
      skip_blanks();
    }
    return true;
  }

  bool read_array(Value& out, size_t depth) {
    out.kind = ValueKind::array;
    take('[');
    while (!take(']')) {
      if (!out.items.empty() && !take(',')) {
        return fail("`,` or `]` is missing");
      }
      if (!read(out.items.emplace_back(), depth + 1)) {
        return false;
      }
      skip_blanks();
    }
    return true;
  }

  // At a quote. Bytes above ASCII are taken as they are.
  bool read_string(std::string& out) {
    advance(1);
    while (true) {
      const auto special = [](char c) {
        return c == '"' || c == '\\' || static_cast<uint8_t>(c) < 0x20;
      };
      const auto found = std::ranges::find_if(rest_, special);
      const auto plain = static_cast<size_t>(found - rest_.begin());
      out += rest_.substr(0, plain);
      advance(plain);
      if (rest_.empty()) {
        return fail("a string does not end");
      }
      if (rest_.front() == '"') {
        advance(1);
        return true;
      }
      if (rest_.front() != '\\') {
        return fail("a string has a control character");
      }
      if (!read_escape(out)) {
        return false;
      }
    }
  }

  bool read_escape(std::string& out) {
    constexpr std::string_view kNames = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    const char name = rest_.size() > 1 ? rest_[1] : '\0';
    if (name == 'u') {
      return read_code_point(out);
    }
    const size_t which = kNames.find(name);
    if (name == '\0' || which == std::string_view::npos) {
      return fail("an escape is not known");
    }
    out += kMeanings[which];
    advance(2);
    return true;
  }

  // \uXXXX, or two of them for what is above U+FFFF (RFC 8259 7).
  bool read_code_point(std::string& out) {
    const auto first = parse_hex4(rest_.substr(2, 4));
    uint32_t code = first.value_or(0xdfff);
    size_t length = 6;
    if (code >= 0xd800 && code < 0xdc00 && rest_.size() >= 12 && rest_.substr(6, 2) == "\\u") {
      const auto second = parse_hex4(rest_.substr(8, 4));
      if (second && *second >= 0xdc00 && *second < 0xe000) {
        code = 0x10000 + ((code - 0xd800) << 10) + (*second - 0xdc00);
        length = 12;
      }
    }
    if (code >= 0xd800 && code < 0xe000) {
      return fail("\\u is followed by no character");
    }
    append_utf8(out, code);
    advance(length);
    return true;
  }

  bool read_word(Value& out) {
    struct Word {
      std::string_view text;
      ValueKind kind;
      int64_t value;
    };

    for (const Word& word : {Word{"true", ValueKind::boolean, 1},
                             {"false", ValueKind::boolean, 0},
                             {"null", ValueKind::null, 0}}) {
      if (rest_.starts_with(word.text)) {
        out.kind = word.kind;
        out.integer = word.value;
        advance(word.text.size());
        return true;
      }
    }
    bool whole = false;
    const size_t length = number_length(rest_, whole);
    if (length == 0) {
      return fail("a value is missing");
    }
    const std::string_view text = rest_.substr(0, length);
    const auto read = std::from_chars(text.data(), text.data() + text.size(), out.integer);
    out.kind = whole && read.ec == std::errc() ? ValueKind::integer : ValueKind::floating;
    advance(length);
    return true;
  }

  std::string_view rest_;
  const uint32_t source_;
  Diagnostics& diagnostics_;
  uint32_t line_ = 1;
  uint32_t column_ = 1;
  size_t values_ = 0;
};

}  // namespace

Value read_json(std::string_view text, uint32_t source, Diagnostics& diagnostics) {
  return JsonReader(text, source, diagnostics).run();
}

}  // namespace pingap::config
