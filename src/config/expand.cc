#include "config/expand.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/strings.h"
#include "config/read_file.h"
#include "config/suggest.h"

namespace pingap::config {
namespace {

constexpr std::string_view kForm = "${NAME} or ${NAME:-default}";
// Keys whose values have variables or groups of their own.
constexpr std::array<std::string_view, 5> kVariableKeys = {
    "headers_add", "headers_set", "proxy_set_headers", "proxy_add_headers", "rewrite"};

constexpr size_t kMaxSecret = 64 * 1024;  // bytes of a secret's file: keys and tokens are small

constexpr bool is_name_char(char c) noexcept {
  return is_digit(c) || c == '_' || (to_lower(c) >= 'a' && to_lower(c) <= 'z');
}

bool is_name(std::string_view text) noexcept {
  if (text.empty() || is_digit(text.front())) {
    return false;
  }
  for (const char c : text) {
    if (!is_name_char(c)) {
      return false;
    }
  }
  return true;
}

// "host" or "1", but not "HOST": where both may stand, capitals are the environment's.
bool is_other_variable(std::string_view inside) noexcept {
  const std::string_view name = inside.substr(0, inside.find(":-"));
  return std::ranges::any_of(name, [](char c) { return c >= 'a' && c <= 'z'; }) ||
         parse_decimal(name).has_value();
}

// `inside` is what stands between the braces.
Parsed<std::string> resolve(std::string_view inside, Environment environment) {
  if (inside.find("${") != std::string_view::npos) {
    return problem("`${` inside of `${...}`", std::string(kForm));
  }
  const size_t mark = inside.find(":-");
  const std::string name(inside.substr(0, mark));
  if (!is_name(name)) {
    return problem(quote(name) + " is not the name of an environment variable", std::string(kForm),
                   "a plain `${` is written `$${`");
  }
  std::optional<std::string> value = environment(name);
  if (mark != std::string_view::npos && (!value || value->empty())) {
    return std::string(inside.substr(mark + 2));
  }
  if (!value) {
    return problem("the environment variable " + quote(name) + " is not set", {},
                   "set it, or give a default: `${" + name + ":-...}`");
  }
  return std::move(*value);
}

}  // namespace

std::optional<std::string> process_environment(const std::string& name) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing in this program changes the environment.
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

Parsed<std::string> expand(std::string_view text, Environment environment, Braces braces) {
  std::string out;
  while (true) {
    const size_t open = text.find("${");
    if (open == std::string_view::npos) {
      out += text;
      return out;
    }
    if (open > 0 && text[open - 1] == '$') {
      out += text.substr(0, open - 1);
      out += "${";
      text.remove_prefix(open + 2);
      continue;
    }
    const size_t close = text.find('}', open);
    if (close == std::string_view::npos) {
      return problem("`${` without `}`", std::string(kForm), "a plain `${` is written `$${`");
    }
    const std::string_view inside = text.substr(open + 2, close - open - 2);
    if (braces == Braces::variables && is_other_variable(inside)) {
      out += text.substr(0, close + 1);
      text.remove_prefix(close + 1);
      continue;
    }
    auto value = resolve(inside, environment);
    if (!value) {
      return value;
    }
    out += text.substr(0, open);
    out += *value;
    text.remove_prefix(close + 1);
  }
}

void expand_all(Value& value, Environment environment, Diagnostics& diagnostics, Braces braces) {
  if (value.kind == ValueKind::string && value.text.find("${") != std::string::npos) {
    auto text = expand(value.text, environment, braces);
    if (text) {
      value.text = std::move(*text);
      value.expanded = true;
    } else {
      Problem& found = text.error();
      diagnostics.error(value.at, std::move(found.what), std::move(found.allowed),
                        std::move(found.hint));
      value.kind = ValueKind::unusable;
    }
  }
  for (Value& item : value.items) {
    expand_all(item, environment, diagnostics, braces);
  }
  for (Member& member : value.members) {
    const bool variables = std::ranges::find(kVariableKeys, member.key) != kVariableKeys.end();
    expand_all(member.value, environment, diagnostics, variables ? Braces::variables : braces);
  }
}

Secret::Secret(Secret&& other) noexcept : value_(std::move(other.value_)) {
  other.wipe();
}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    wipe();
    value_ = std::move(other.value_);
    other.wipe();
  }
  return *this;
}

void Secret::wipe() noexcept {
  // All of the memory: a short string moved away leaves its bytes behind.
  value_.resize(value_.capacity());
  explicit_bzero(value_.data(), value_.size());
  value_.clear();
}

Parsed<Secret> resolve_secret(std::string_view text, const std::filesystem::path& folder) {
  constexpr std::string_view kScheme = "file:";
  if (!text.starts_with(kScheme)) {
    return Secret(std::string(text));
  }
  const std::filesystem::path path = folder / text.substr(kScheme.size());
  auto content = read_file(path, kMaxSecret);
  if (!content) {
    return problem("cannot read the secret's file " + quote_path(path.native()), {},
                   std::move(content.error()));
  }
  if (content->ends_with('\n')) {
    content->pop_back();
  }
  return Secret(std::move(*content));
}

}  // namespace pingap::config
