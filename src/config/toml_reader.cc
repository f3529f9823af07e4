// The only file that sees toml++ (compiled-library mode; its exceptions end here).
#include <algorithm>
#include <string>
#include <tuple>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "base/strings.h"
#include "config/units.h"
#include "config/value.h"

namespace pingap::config {
namespace {

class Converter {
 public:
  explicit Converter(uint32_t source) : source_(source) {}

  // Recursion is bounded: check_limits() has passed.
  Value convert(const toml::node& node) const {
    Value value;
    value.at = position(node.source().begin);
    if (const auto* table = node.as_table()) {
      return convert_table(*table, value.at);
    }
    if (const auto* array = node.as_array()) {
      value.kind = ValueKind::array;
      value.items.reserve(array->size());
      for (const toml::node& item : *array) {
        value.items.push_back(convert(item));
      }
    } else if (const auto* text = node.as_string()) {
      value.kind = ValueKind::string;
      value.text = text->get();
    } else if (const auto* integer = node.as_integer()) {
      value.kind = ValueKind::integer;
      value.integer = integer->get();
    } else if (const auto* boolean = node.as_boolean()) {
      value.kind = ValueKind::boolean;
      value.integer = boolean->get() ? 1 : 0;
    } else {
      value.kind = node.is_floating_point() ? ValueKind::floating : ValueKind::date;
      value.text = written(node);
    }
    return value;
  }

  Value convert_table(const toml::table& table, Position at) const {
    Value value;
    value.kind = ValueKind::table;
    value.at = at;
    value.members.reserve(table.size());
    for (const auto& [key, node] : table) {
      value.members.push_back(
          {std::string(key.str()), position(key.source().begin), convert(node)});
    }
    // The library sorts by name; people think in the order of the text.
    std::ranges::sort(value.members, {}, [](const Member& member) {
      return std::tuple(member.at.line, member.at.column);
    });
    return value;
  }

  // Equal for equal numbers, dates and times, however they are spelt.
  static std::string written(const toml::node& node) {
    if (const auto* number = node.as_floating_point()) {
      return fmt::format("{}", number->get());
    }
    if (const auto* date = node.as_date()) {
      return written(date->get());
    }
    if (const auto* time = node.as_time()) {
      return written(time->get());
    }
    const auto* both = node.as_date_time();
    if (both == nullptr) {
      return {};
    }
    const auto& offset = both->get().offset;
    return fmt::format("{}T{}{}", written(both->get().date), written(both->get().time),
                       offset ? fmt::format("{:+}", offset->minutes) : "");
  }

  static std::string written(const toml::date& date) {
    return fmt::format("{:04}-{:02}-{:02}", date.year, date.month, date.day);
  }

  static std::string written(const toml::time& time) {
    return fmt::format("{:02}:{:02}:{:02}.{:09}", time.hour, time.minute, time.second,
                       time.nanosecond);
  }

  Position position(const toml::source_position& at) const noexcept {
    return {source_, at.line, at.column};
  }

 private:
  uint32_t source_;
};

// "Error while parsing table header: ..." -> "not valid TOML (table header): ..."
std::string describe(std::string_view text) {
  constexpr std::string_view kLead = "Error while parsing ";
  const size_t colon = text.find(": ");
  if (!text.starts_with(kLead) || colon == std::string_view::npos) {
    return "not valid TOML: " + std::string(text);
  }
  const std::string_view where = text.substr(kLead.size(), colon - kLead.size());
  return "not valid TOML (" + std::string(where) + ")" + std::string(text.substr(colon));
}

std::string_view line_of(std::string_view text, uint32_t number) {
  for (uint32_t line = 1; line < number && !text.empty(); ++line) {
    text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  }
  return text.substr(0, text.find('\n'));
}

// The most likely slip: `read_timeout = 30s`.
std::string hint_for(std::string_view line) {
  const size_t equals = line.find('=');
  if (equals == std::string_view::npos) {
    return {};
  }
  std::string_view value = line.substr(equals + 1);
  value = trim(value.substr(0, value.find_first_of("#\r")));
  if (value.empty() || !is_digit(value.front()) || is_digit(value.back()) ||
      (!parse_duration(value) && !parse_size(value))) {
    return {};
  }
  return "did you mean \"" + std::string(value) + "\"?";
}

}  // namespace

Value read_toml(std::string_view text, uint32_t source, Diagnostics& diagnostics) {
  if (const LimitProblem problem = check_limits(text); problem.line > 0) {
    diagnostics.error({source, problem.line, problem.column}, problem.what);
    return {};
  }
  const Converter converter(source);
  try {
    const toml::table table = toml::parse(text);
    return converter.convert_table(table, {source, 1, 1});
  } catch (const toml::parse_error& error) {
    Position at = converter.position(error.source().begin);
    at.line = std::max(at.line, 1U);
    at.column = std::max(at.column, 1U);
    diagnostics.error(at, describe(error.description()), {}, hint_for(line_of(text, at.line)));
    return {};
  }
}

}  // namespace pingap::config
