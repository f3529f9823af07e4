#include "config/difference.h"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

#include <fmt/format.h>

#include "config/schema.h"
#include "config/suggest.h"
#include "config/value.h"

namespace pingap::config {
namespace {

struct Rendered {
  std::string whole;  // that is compared
  std::string shown;  // the same without secrets
};

using Keys = std::map<std::string, Rendered>;  // to their values
using Items = std::map<std::string, Keys>;     // "upstreams.api"; "basic"

enum class Secrets : bool { kept, hidden };

constexpr std::array<std::string_view, 4> kSecrets = {"secret", "password", "token", "key"};

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

bool is_secret(std::string_view written) {
  const std::string key = lower(written);
  const auto ends = [&](const std::string& word) {
    return key == word || key.ends_with("_" + word) || key.ends_with("-" + word);
  };
  return key == "authorization" || key == "cookie" || key == "headers" ||
         (std::ranges::any_of(kSecrets, [&](auto word) { return ends(std::string(word)); }) &&
          !key.starts_with("hash"));
}

std::string render(const Value& value, Secrets secrets);

std::string render_items(const Value& value, Secrets secrets) {
  std::string text = "[";
  for (const Value& item : value.items) {
    text += (text.size() > 1 ? ", " : "") + render(item, secrets);
  }
  return text + "]";
}

std::string render_members(const Value& value, Secrets secrets) {
  std::string text = "{";
  for (const Member& member : value.members) {
    text += fmt::format("{}{} = {}", text.size() > 1 ? ", " : "", member.key,
                        secrets == Secrets::hidden && is_secret(member.key)
                            ? "***"
                            : render(member.value, secrets));
  }
  return text + "}";
}

// "etcd://name:***@host", "Authorization: ***": what stands in a text that is no secret as a whole.
std::string without_secrets(std::string_view text) {
  const size_t start = text.find("://");
  const size_t at = text.find('@', start == std::string_view::npos ? text.size() : start);
  if (at != std::string_view::npos) {
    return fmt::format("{}***{}", text.substr(0, start + 3), text.substr(at));
  }
  const size_t password = text.find("password=");
  if (password != std::string_view::npos) {
    const size_t end = text.find('&', password);
    return fmt::format("{}password=***{}", text.substr(0, password),
                       end == std::string_view::npos ? "" : text.substr(end));
  }
  constexpr std::array<std::string_view, 7> kNames = {"auth",   "cookie",   "token",     "key",
                                                      "secret", "password", "credential"};
  const size_t colon = text.find(':');
  const std::string name = lower(text.substr(0, colon == std::string_view::npos ? 0 : colon));
  const bool secret = std::ranges::any_of(
      kNames, [&](std::string_view word) { return name.find(word) != std::string::npos; });
  return secret ? fmt::format("{}: ***", text.substr(0, colon)) : std::string(text);
}

std::string render(const Value& value, Secrets secrets) {
  switch (value.kind) {
    case ValueKind::string:
    case ValueKind::date:
      if (secrets == Secrets::kept) {
        return fmt::format("\"{}\"", value.text);
      }
      // Keys and certificates may stand in the text itself.
      return value.text.find('\n') != std::string::npos
                 ? "(a text of several lines)"
                 : fmt::format("\"{}\"", without_secrets(value.text));
    case ValueKind::integer:
      return std::to_string(value.integer);
    case ValueKind::boolean:
      return value.integer != 0 ? "true" : "false";
    case ValueKind::array:
      return render_items(value, secrets);
    case ValueKind::table:
      return render_members(value, secrets);
    case ValueKind::floating:
    case ValueKind::unusable:
    case ValueKind::null:
      break;
  }
  return "?";
}

void add_keys(const Value& table, const std::string& prefix, Keys& to) {
  for (const Member& member : table.members) {
    const std::string key = prefix + member.key;
    if (member.value.kind == ValueKind::table) {
      add_keys(member.value, key + ".", to);
    } else {
      to[key] = {render(member.value, Secrets::kept),
                 is_secret(member.key) ? "***" : render(member.value, Secrets::hidden)};
    }
  }
}

Items items_of(const std::vector<Text>& texts) {
  Items items;
  for (const Text& text : texts) {
    Diagnostics diagnostics;
    const uint32_t source = diagnostics.add_source(text.name, text.text);
    for (const Member& section : read_toml(text.text, source, diagnostics).members) {
      if (is_single(section.key)) {
        add_keys(section.value, "", items[section.key]);
        continue;
      }
      for (const Member& item : section.value.members) {
        add_keys(item.value, "", items[section.key + "." + item.key]);
      }
    }
  }
  return items;
}

// By what they mean, of one kind.
template <class Entry>
const Entry* find(const std::vector<Entry>& all, std::string_view name) {
  const auto found = std::ranges::find(all, name, &Entry::name);
  return found == all.end() ? nullptr : &*found;
}

template <class Entry>
bool same(const std::vector<Entry>& before, const std::vector<Entry>& after,
          std::string_view name) {
  const Entry* a = find(before, name);
  const Entry* b = find(after, name);
  return a != nullptr && b != nullptr && *a == *b;
}

bool means_the_same(const Model& before, const Model& after, std::string_view item) {
  const size_t dot = item.find('.');
  const std::string_view section = item.substr(0, dot);
  const std::string_view name = item.substr(std::min(dot, item.size() - 1) + 1);
  if (section == "basic") {
    return before.basic == after.basic;
  }
  if (section == "metrics") {
    return before.metrics == after.metrics;
  }
  if (section == "logging") {
    return before.logging == after.logging;
  }
  if (section == "tracing") {
    return before.tracing == after.tracing;
  }
  if (section == "upstreams") {
    return same(before.upstreams, after.upstreams, name);
  }
  if (section == "locations") {
    return same(before.locations, after.locations, name);
  }
  if (section == "servers") {
    return same(before.servers, after.servers, name);
  }
  if (section == "plugins") {
    return same(before.plugins, after.plugins, name);
  }
  return same(before.certificates, after.certificates, name);
}

std::string keys_between(const Keys& before, const Keys& after) {
  std::string out;
  Keys all = before;
  all.insert(after.begin(), after.end());
  for (const auto& [key, unused] : all) {
    const auto a = before.find(key);
    const auto b = after.find(key);
    if (a == before.end()) {
      out += fmt::format("    + {}: {}\n", key, b->second.shown);
    } else if (b == after.end()) {
      out += fmt::format("    - {}: {}\n", key, a->second.shown);
    } else if (a->second.whole != b->second.whole) {
      out += fmt::format("    {}: {} -> {}\n", key, a->second.shown, b->second.shown);
    }
  }
  return out;
}

}  // namespace

std::string difference(const Side& before, const Side& after) {
  const Items old = items_of(before.texts);
  const Items now = items_of(after.texts);
  std::string out;
  for (const auto& [item, keys] : now) {
    const auto known = old.find(item);
    if (known == old.end()) {
      out += fmt::format("+ {}\n{}", item, keys_between({}, keys));
    } else if (!means_the_same(before.model, after.model, item)) {
      const std::string changed = keys_between(known->second, keys);
      out += fmt::format(
          "~ {}\n{}", item,
          changed.empty() ? "    by what it refers to or the environment says\n" : changed);
    }
  }
  for (const auto& [item, unused] : old) {
    if (!now.contains(item)) {
      out += fmt::format("- {}\n", item);
    }
  }
  return out;
}

}  // namespace pingap::config
