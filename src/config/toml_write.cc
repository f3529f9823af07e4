#include "config/toml_write.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/strings.h"

namespace pingap::config {
namespace {

void append_escaped(std::string& out, char c) {
  constexpr std::string_view kPlain = "\b\t\n\f\r\"\\";
  constexpr std::string_view kNames = "btnfr\"\\";
  if (const size_t name = kPlain.find(c); name != std::string_view::npos) {
    out += '\\';
    out += kNames[name];
  } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
    out += fmt::format("\\u{:04X}", static_cast<unsigned>(c));
  } else {
    out += c;
  }
}

}  // namespace

std::string toml_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    append_escaped(out, c);
  }
  return out + '"';
}

std::string toml_integer(int64_t value) {
  return fmt::format("{}", value);
}

std::string toml_boolean(bool value) {
  return value ? "true" : "false";
}

std::string toml_strings(std::span<const std::string> items) {
  std::string out = "[";
  for (const std::string& item : items) {
    out += out.size() > 1 ? ", " : "";
    out += toml_string(item);
  }
  return out + ']';
}

std::string toml_key(std::string_view name) {
  const bool bare = !name.empty() && std::ranges::all_of(name, [](char c) {
    return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'z') || c == '-' || c == '_';
  });
  return bare ? std::string(name) : toml_string(name);
}

std::string toml_path(std::span<const std::string> path) {
  std::string text;
  for (const std::string& name : path) {
    text += text.empty() ? "" : ".";
    text += toml_key(name);
  }
  return text;
}

}  // namespace pingap::config
