#include "plugin/options.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "config/schema.h"
#include "config/suggest.h"
#include "config/value_tree.h"
#include "plugin/path.h"

namespace pingap::plugin::detail {

using config::Commas;
using config::Field;
using config::Reader;
using config::Value;
using config::ValueKind;
using config::Zero;

namespace {

// Of this option's kind: the smallest that is no nonsense.
Zero zero_of(const OptionInfo& info) noexcept {
  return info.range.min > 0 ? Zero::refused : Zero::allowed;
}

}  // namespace

void read(Reader& reader, const Field& field, const OptionInfo& /*info*/, bool& to) {
  reader.boolean(field, to);
}

void read(Reader& reader, const Field& field, const OptionInfo& info, uint32_t& to) {
  reader.integer(field, info.range, to);
}

// A whole number too; TOML's others are kept as text.
void read(Reader& reader, const Field& field, const OptionInfo& info, Number& to) {
  const Value& value = field.value;
  double number = static_cast<double>(value.integer);
  if (value.kind == ValueKind::floating) {
    const auto [end, error] =
        std::from_chars(value.text.data(), value.text.data() + value.text.size(), number);
    if (error != std::errc{} || !std::isfinite(number)) {
      reader.wrong_type(field, "a number");
      return;
    }
  } else if (value.kind != ValueKind::integer) {
    reader.wrong_type(field, "a number");
    return;
  }
  if (number < static_cast<double>(info.range.min) ||
      number > static_cast<double>(info.range.max)) {
    reader.error(value.at, {fmt::format("{} is out of range: {}", config::quote(field.key), number),
                            fmt::format("{} to {}", info.range.min, info.range.max),
                            {}});
    return;
  }
  to.value = number;
}

void read(Reader& reader, const Field& field, const OptionInfo& info, std::string& to) {
  if (info.type == Type::secret) {
    reader.secret(field, to);
    return;
  }
  if (!reader.text(field, to) || info.type != Type::path) {
    return;
  }
  if (auto path = read_path(reader, field.value.at, to)) {
    to = std::move(*path);
  }
}

void read(Reader& reader, const Field& field, const OptionInfo& info, Located<std::string>& to) {
  to.at = field.value.at;
  if (info.type == Type::lines && field.value.kind == ValueKind::string) {
    to.value = field.value.text;  // may have several lines
  } else if (info.type == Type::secret) {
    reader.pem(field, to);  // the same
  } else {
    read(reader, field, info, to.value);
  }
}

void read(Reader& reader, const Field& field, const OptionInfo& info, milliseconds& to) {
  reader.duration(field, zero_of(info), to);
}

void read(Reader& reader, const Field& field, const OptionInfo& info, uint64_t& to) {
  uint64_t size = 0;
  if (!reader.size(field, size)) {
    return;
  }
  if (info.range.max > 0 && (size < static_cast<uint64_t>(info.range.min) ||
                             size > static_cast<uint64_t>(info.range.max))) {
    reader.error(field.value.at, {fmt::format("{} is out of range", config::quote(field.key)),
                                  fmt::format("{} to {} bytes", info.range.min, info.range.max),
                                  {}});
    return;
  }
  to = size;
}

void read(Reader& reader, const Field& field, const OptionInfo& info,
          std::vector<std::string>& to) {
  std::vector<Located<std::string>> located;
  read(reader, field, info, located);
  to.clear();
  for (Located<std::string>& one : located) {
    to.push_back(std::move(one.value));
  }
}

void read(Reader& reader, const Field& field, const OptionInfo& info,
          std::vector<Located<std::string>>& to) {
  if (info.type == Type::secret) {
    reader.diagnostics().hide(field.value.at);
  }
  // A comma may be part of an item.
  to = reader.list(field, Commas::no);
  if (to.empty() && (info.fallback == "required" || info.range.min > 0)) {
    reader.error(field.value.at,
                 {config::quote(field.key) + " is empty", {}, std::string(info.help)});
  }
  if (info.range.max > 0 && to.size() > static_cast<size_t>(info.range.max)) {
    reader.error(field.value.at, {fmt::format("{} has too many items", config::quote(field.key)),
                                  fmt::format("at most {}", info.range.max),
                                  {}});
  }
}

void read(Reader& reader, const Field& field, const OptionInfo& /*info*/,
          std::vector<config::FieldMatch>& to) {
  to = reader.pairs(field);
}

void read(Reader& reader, const Field& field, const OptionInfo& info, exchange::Template& to) {
  std::string text;
  if (info.type == Type::body && field.value.kind == ValueKind::string) {
    text = field.value.text;
  } else if (!reader.text(field, text)) {
    return;
  }
  auto made = info.type == Type::body ? exchange::Template::compile_lines(text)
                                      : exchange::Template::compile(text);
  if (!made) {
    reader.error(field.value.at, {std::move(made.error()), {}, {}});
    return;
  }
  to = std::move(*made);
}

void read(Reader& reader, const Field& field, const OptionInfo& info, Located<size_t>& to) {
  if (const auto found = reader.choice(field, info.choices)) {
    to = {*found, field.value.at};
  }
}

void read(Reader& reader, const Field& field, const OptionInfo& info, const Value*& to) {
  if (info.type == Type::bodies || info.type == Type::numbers) {
    if (field.value.kind != ValueKind::table) {
      reader.wrong_type(field, "a table");
      return;
    }
    to = &field.value;
    return;
  }
  if (field.value.kind != ValueKind::array) {
    reader.wrong_type(field, "a list");
    return;
  }
  if (field.value.items.empty()) {
    reader.error(field.value.at,
                 {config::quote(field.key) + " is empty", {}, std::string(info.help)});
    return;
  }
  for (const Value& item : field.value.items) {
    reader.diagnostics().hide(item.at);
  }
  to = &field.value;
}

const config::Member* find(const config::Plugin& entry, const OptionInfo& info, Reader& reader) {
  const config::KeyInfo key{info.name, info.alias, {}, info.fallback};
  const config::Member* member = config::pick(entry.options, key, reader);
  if (member == nullptr && info.fallback == "required") {
    reader.error(entry.at, {fmt::format("[plugins.{}] needs {}", config::plain(entry.name),
                                        config::quote(info.name)),
                            {},
                            std::string(info.help)});
  }
  return member;
}

void report_unknown(const config::Plugin& entry, std::span<const OptionInfo* const> known,
                    Reader& reader) {
  std::vector<std::string_view> names;
  for (const OptionInfo* info : known) {
    names.push_back(info->name);
    if (!info->alias.empty()) {
      names.push_back(info->alias);
    }
  }
  static constexpr config::Foreign kForeign[] = {
      {"step", "remove it: a plugin's type says when it runs; `priority` orders those of a phase"},
      {"remark", "write it as a comment"},
  };
  config::report_unknown(entry.options, "plugins." + config::plain(entry.name), names, kForeign,
                         reader);
}

}  // namespace pingap::plugin::detail
