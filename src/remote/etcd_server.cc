#include "remote/etcd_server.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/suggest.h"
#include "config/value.h"

namespace pingap::remote {
namespace {

using config::Member;
using config::Value;
using config::ValueKind;
using Servers = tl::expected<std::vector<upstream::Found>, std::string>;

constexpr size_t kMaxShown = 40;
constexpr std::string_view kBlanks = " \t\r\n";

std::string first_error(const config::Diagnostics& diagnostics) {
  const config::Diagnostic& entry = diagnostics.entries().front();
  return fmt::format("{}{}{}", entry.what, entry.allowed.empty() ? "" : "; ", entry.allowed);
}

Servers read_list(std::string_view text, const upstream::ListRules& rules) {
  config::Diagnostics diagnostics;
  auto found = upstream::parse_server_list(text, rules, 0, diagnostics);
  if (diagnostics.has_errors()) {
    return tl::unexpected(first_error(diagnostics));
  }
  return found;
}

// As an entry of a list, whose rules are then those of one server, too.
std::string as_list(std::string_view addr) {
  std::string quoted;
  for (const char c : addr) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
    }
    quoted += c;
  }
  return fmt::format(R"([{{"targets": ["{}"]}}])", quoted);
}

Servers read_line(std::string_view text, const upstream::ListRules& rules) {
  const size_t blank = text.find_first_of(kBlanks);
  auto found = read_list(as_list(text.substr(0, blank)), rules);
  if (!found || blank == std::string_view::npos) {
    return found;
  }
  const std::string_view weight = trim(text.substr(blank));
  const auto number = parse_decimal(weight);
  if (!number || *number > 1000) {
    return tl::unexpected(config::quote(weight, kMaxShown) + " is not a weight; 0 to 1000");
  }
  found->front().weight = static_cast<uint32_t>(*number);
  return found;
}

// What stands in a table by one of two names; null where it does not.
const Value* find(const Value& table, std::string_view name, std::string_view other) {
  const auto found = std::ranges::find_if(table.members, [&](const Member& member) {
    return member.key == name || member.key == other;
  });
  return found == table.members.end() ? nullptr : &found->value;
}

Servers read_object(std::string_view text, const upstream::ListRules& rules) {
  config::Diagnostics diagnostics;
  const Value root = config::read_json(text, 0, diagnostics);
  if (diagnostics.has_errors()) {
    return tl::unexpected(first_error(diagnostics));
  }
  const Value* addr = find(root, "addr", "Addr");
  if (addr == nullptr || addr->kind != ValueKind::string) {
    return find(root, "servers", "servers") != nullptr
               ? read_list(text, rules)
               : tl::make_unexpected(std::string("it has no `addr`"));
  }
  auto found = read_list(as_list(addr->text), rules);
  for (const auto& [name, most, field] :
       {std::tuple{"weight", int64_t{1000}, &upstream::Found::weight},
        std::tuple{"priority", int64_t{3}, &upstream::Found::priority}}) {
    const Value* value = find(root, name, name);
    if (!found || value == nullptr) {
      continue;
    }
    if (value->kind != ValueKind::integer || value->integer < 0 || value->integer > most) {
      return tl::unexpected(fmt::format("`{}` is not from 0 to {}", name, most));
    }
    found->front().*field = static_cast<uint32_t>(value->integer);
  }
  return found;
}

Servers read_any(std::string_view text, const upstream::ListRules& rules) {
  if (text.starts_with('{')) {
    return read_object(text, rules);
  }
  const bool list = text.starts_with("[{") || text.starts_with("[[") || text.starts_with("[]") ||
                    text.starts_with("[ ") || text.starts_with("[\n");
  return list ? read_list(text, rules) : read_line(text, rules);
}

}  // namespace

Servers parse_etcd_server(std::string_view text, const upstream::ListRules& rules) {
  const size_t from = text.find_first_not_of(kBlanks);
  if (from == std::string_view::npos) {
    return tl::unexpected(std::string("it is empty"));
  }
  text = text.substr(from, text.find_last_not_of(kBlanks) + 1 - from);
  if (!std::ranges::all_of(text, [](char c) { return c != '\0'; })) {
    return tl::unexpected(std::string("it is no text"));
  }
  Servers found = read_any(text, rules);
  for (const upstream::Found& one : found ? *found : std::vector<upstream::Found>{}) {
    if (one.address.is_unix()) {
      return tl::unexpected(std::string("a unix socket of this machine is not for etcd to name"));
    }
  }
  return found;
}

}  // namespace pingap::remote
