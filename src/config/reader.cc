#include "config/reader.h"

#include <array>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/suggest.h"
#include "config/syntax.h"
#include "config/units.h"

namespace pingap::config {
namespace {

constexpr std::string_view kList = "a list of strings";

// The number of a string that came from the environment: there, everything is text.
std::optional<int64_t> number_of(const Value& value) {
  if (value.kind == ValueKind::integer) {
    return value.integer;
  }
  if (value.kind != ValueKind::string || !value.expanded) {
    return std::nullopt;
  }
  const std::string_view digits = trim(value.text);
  int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc{} || end != digits.data() + digits.size()) {
    return std::nullopt;
  }
  return number;
}

}  // namespace

std::string_view to_string(ValueKind kind) noexcept {
  constexpr std::array<std::string_view, 9> kNames = {"a string",  "an integer",     "a float",
                                                      "a boolean", "a date or time", "an array",
                                                      "a table",   "nothing",        "null"};
  return kNames[static_cast<size_t>(kind)];
}

void Reader::error(Position at, Problem problem) {
  diagnostics_.error(at, std::move(problem.what), std::move(problem.allowed),
                     std::move(problem.hint));
}

bool Reader::check(Position at, std::optional<Problem> problem) {
  if (!problem) {
    return true;
  }
  error(at, std::move(*problem));
  return false;
}

void Reader::wrong_type(const Field& field, std::string_view expected) {
  if (field.value.kind == ValueKind::unusable) {
    return;
  }
  diagnostics_.error(field.value.at, fmt::format("{} must be {}, not {}", quote(field.key),
                                                 expected, to_string(field.value.kind)));
}

bool Reader::text(const Field& field, std::string& out) {
  if (field.value.kind != ValueKind::string) {
    wrong_type(field, "a string");
    return false;
  }
  if (!is_printable(field.value.text)) {
    diagnostics_.error(field.value.at, quote(field.key) + " cannot hold control characters");
    return false;
  }
  out = field.value.text;
  return true;
}

bool Reader::pem(const Field& field, Located<std::string>& out) {
  if (field.value.kind != ValueKind::string) {
    wrong_type(field, "a string");
    return false;
  }
  if (field.value.text.empty()) {
    diagnostics_.error(field.value.at, quote(field.key) + " is empty");
    return false;
  }
  out = {field.value.text, field.value.at};
  diagnostics_.hide(field.value.at);  // a key itself, perhaps: no path
  return true;
}

bool Reader::secret(const Field& field, std::string& out) {
  diagnostics_.hide(field.value.at);
  return text(field, out);
}

bool Reader::text(const Field& field, Located<std::string>& out) {
  if (!text(field, out.value)) {
    return false;
  }
  out.at = field.value.at;
  return true;
}

bool Reader::boolean(const Field& field, bool& out) {
  const Value& value = field.value;
  const std::string_view word = value.expanded ? trim(value.text) : std::string_view{};
  if (value.kind == ValueKind::boolean) {
    out = value.integer != 0;
  } else if (word == "true" || word == "false") {
    out = word == "true";
  } else {
    wrong_type(field, "true or false");
    return false;
  }
  return true;
}

std::optional<int64_t> Reader::integer(const Field& field, Range range) {
  const auto number = number_of(field.value);
  if (!number) {
    wrong_type(field, "an integer");
    return std::nullopt;
  }
  if (*number < range.min || *number > range.max) {
    diagnostics_.error(field.value.at,
                       fmt::format("{} is out of range: {}", quote(field.key), *number),
                       fmt::format("{} to {}", range.min, range.max));
    return std::nullopt;
  }
  return number;
}

bool Reader::integer(const Field& field, Range range, uint32_t& out) {
  const auto number = integer(field, range);
  if (!number) {
    return false;
  }
  out = static_cast<uint32_t>(*number);
  return true;
}

bool Reader::duration(const Field& field, Zero zero, milliseconds& out) {
  if (field.value.kind == ValueKind::integer) {
    diagnostics_.error(field.value.at, quote(field.key) + " needs a unit",
                       R"(a duration such as "500ms", "10s" or "1h 30m")",
                       fmt::format("did you mean \"{}s\"?", field.value.integer));
    return false;
  }
  if (field.value.kind != ValueKind::string) {
    wrong_type(field, R"(a duration such as "500ms", "10s" or "1h 30m")");
    return false;
  }
  auto parsed = parse_duration(field.value.text);
  if (!parsed) {
    error(field.value.at, std::move(parsed.error()));
    return false;
  }
  if (zero == Zero::refused && parsed->count() == 0) {
    diagnostics_.error(field.value.at, quote(field.key) + " cannot be zero", "at least 1ms");
    return false;
  }
  out = *parsed;
  return true;
}

bool Reader::duration(const Field& field, std::optional<milliseconds>& out) {
  milliseconds value{};
  if (!duration(field, Zero::refused, value)) {
    return false;
  }
  out = value;
  return true;
}

bool Reader::size(const Field& field, uint64_t& out) {
  if (field.value.kind == ValueKind::integer) {
    if (field.value.integer < 0) {
      diagnostics_.error(field.value.at, quote(field.key) + " cannot be negative");
      return false;
    }
    out = static_cast<uint64_t>(field.value.integer);
    return true;
  }
  if (field.value.kind != ValueKind::string) {
    wrong_type(field, R"(a size such as 65536, "64kb" or "1MiB")");
    return false;
  }
  auto parsed = parse_size(field.value.text);
  if (!parsed) {
    error(field.value.at, std::move(parsed.error()));
    return false;
  }
  out = *parsed;
  return true;
}

bool Reader::item(const Field& field, const Value& value, Located<std::string>& out) {
  if (!text({field.key, field.key_at, value}, out)) {
    return false;
  }
  out.value = std::string(trim(out.value));
  if (out.value.empty()) {
    diagnostics_.error(value.at, fmt::format("an empty string in {}", quote(field.key)));
    return false;
  }
  return true;
}

std::vector<Located<std::string>> Reader::list(const Field& field, Commas commas) {
  std::vector<Located<std::string>> out;
  Located<std::string> one;
  if (field.value.kind == ValueKind::array) {
    for (const Value& value : field.value.items) {
      if (item(field, value, one)) {
        out.push_back(one);
      }
    }
    return out;
  }
  if (field.value.kind != ValueKind::string) {
    wrong_type(field, kList);
    return out;
  }
  if (!item(field, field.value, one)) {
    return out;
  }
  if (commas == Commas::no) {
    out.push_back(one);
    return out;
  }
  std::string_view rest = one.value;
  std::string_view part;
  while (next_list_item(rest, part)) {
    if (!part.empty()) {
      out.push_back({std::string(part), one.at});
    }
  }
  if (out.empty()) {
    diagnostics_.error(one.at, fmt::format("nothing but commas in {}", quote(field.key)));
  }
  return out;
}

std::vector<FieldMatch> Reader::pairs(const Field& field) {
  std::vector<FieldMatch> out;
  if (field.value.kind == ValueKind::table) {
    for (const Member& member : field.value.members) {
      std::string value;
      if (text({member.key, member.at, member.value}, value)) {
        out.push_back({member.key, std::string(trim(value)), member.at});
      }
    }
    return out;
  }
  if (field.value.kind != ValueKind::array) {
    wrong_type(field, "a list of strings or a table");
    return out;
  }
  for (const Value& value : field.value.items) {
    Located<std::string> one;
    if (!item(field, value, one)) {
      continue;
    }
    const std::string_view whole = one.value;
    const size_t split = whole.find(':');
    FieldMatch pair{std::string(trim(whole.substr(0, split))), std::nullopt, one.at};
    if (split != std::string_view::npos) {
      pair.value = std::string(trim(whole.substr(split + 1)));
    }
    out.push_back(std::move(pair));
  }
  return out;
}

std::optional<size_t> Reader::choice(const Field& field, std::span<const std::string_view> names) {
  std::string word;
  if (!text(field, word)) {
    return std::nullopt;
  }
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] == word) {
      return i;
    }
  }
  diagnostics_.error(field.value.at, fmt::format("unknown {} {}", quote(field.key), quote(word)),
                     "one of " + join_names(names, names.size()), did_you_mean(word, names));
  return std::nullopt;
}

}  // namespace pingap::config
