#include "upstream/discovery/containers.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/suggest.h"
#include "config/value.h"

namespace pingap::upstream {
namespace {

using config::Value;
using config::ValueKind;

const Value* find(const Value& table, std::string_view key, ValueKind kind) noexcept {
  const auto found = std::ranges::find(table.members, key, &config::Member::key);
  return found != table.members.end() && found->value.kind == kind ? &found->value : nullptr;
}

std::string_view text_of(const Value& table, std::string_view key) noexcept {
  const Value* value = find(table, key, ValueKind::string);
  return value == nullptr ? std::string_view{} : std::string_view(value->text);
}

// As people know it: its first name without the slash, or its id.
std::string name_of(const Value& container) {
  const Value* names = find(container, "Names", ValueKind::array);
  std::string_view name = names == nullptr || names->items.empty()
                              ? text_of(container, "Id").substr(0, 12)
                              : std::string_view(names->items.front().text);
  if (name.starts_with('/')) {
    name.remove_prefix(1);
  }
  return config::plain(name);
}

// The daemon has filtered already; a broken one must not send requests to what was not meant.
bool has_label(const Value& container, std::string_view label) noexcept {
  const size_t equals = label.find('=');
  const Value* labels = find(container, "Labels", ValueKind::table);
  const Value* value =
      labels == nullptr ? nullptr : find(*labels, label.substr(0, equals), ValueKind::string);
  return value != nullptr &&
         (equals == std::string_view::npos || value->text == label.substr(equals + 1));
}

// Of its networks, which are sorted by name, the first that gives it an address.
std::optional<IpAddress> address_of(const Value& container) {
  const Value* settings = find(container, "NetworkSettings", ValueKind::table);
  const Value* networks =
      settings == nullptr ? nullptr : find(*settings, "Networks", ValueKind::table);
  if (networks == nullptr) {
    return std::nullopt;
  }
  for (const char* key : {"IPAddress", "GlobalIPv6Address"}) {
    for (const config::Member& network : networks->members) {
      if (const auto ip = IpAddress::parse(text_of(network.value, key))) {
        return ip;
      }
    }
  }
  return std::nullopt;
}

// 0 where it is not clear which.
uint16_t only_port_of(const Value& container) {
  std::set<int64_t> found;
  if (const Value* ports = find(container, "Ports", ValueKind::array)) {
    for (const Value& port : ports->items) {
      const Value* number = find(port, "PrivatePort", ValueKind::integer);
      if (number != nullptr && text_of(port, "Type") == "tcp") {
        found.insert(number->integer);
      }
    }
  }
  const bool good = found.size() == 1 && *found.begin() > 0 && *found.begin() <= 65535;
  return good ? static_cast<uint16_t>(*found.begin()) : uint16_t{0};
}

// Why a container is no server; empty where it was added.
std::string add(const Value& container, const ContainerQuery& query, const AddressFilter& filter,
                std::vector<Found>& to) {
  const auto ip = address_of(container);
  if (!ip) {
    return "it has no address of its own";
  }
  if (const char* fault = filter.refuses(*ip, AddressFilter::Loopback::refused)) {
    return fmt::format("its address is refused: {}", fault);
  }
  const uint16_t port = query.port != 0 ? query.port : only_port_of(container);
  if (port == 0) {
    return "it has not exactly one TCP port: write LABEL:PORT";
  }
  to.push_back({{}, net::Address(*ip, port), query.weight, query.priority});
  return {};
}

std::string percent_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'z');
    if (plain) {
      out += c;
    } else {
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<uint8_t>(c));
    }
  }
  return out;
}

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
    }
    out += c;  // a label has no control characters: the configuration has seen to that
  }
  return out + '"';
}

}  // namespace

// Without a version in the path: then the daemon speaks its own, and what is read here is in all of
// them. A fixed one is refused by daemons that are too new for it.
std::string containers_target(const ContainerQuery& query) {
  return "/containers/json?filters=" +
         percent_encode(fmt::format(R"({{"label":[{}]}})", json_string(query.label)));
}

std::string events_target() {
  return "/events?filters=" + percent_encode(R"({"type":["container"]})");
}

Containers parse_containers(std::string_view json, const ContainerQuery& query,
                            const AddressFilter& filter, config::Diagnostics& diagnostics) {
  Containers found;
  const uint32_t source = diagnostics.add_source("containers", {});
  const Value root = config::read_json(json, source, diagnostics);
  if (diagnostics.has_errors()) {
    return found;
  }
  if (root.kind != ValueKind::array) {
    diagnostics.error(root.at, "it is no list of containers");
    return found;
  }
  for (const Value& container : root.items) {
    if (!has_label(container, query.label) || text_of(container, "State") != "running") {
      continue;
    }
    if (std::string why = add(container, query, filter, found.servers); !why.empty()) {
      found.unusable.push_back(name_of(container) + ": " + std::move(why));
    }
  }
  std::ranges::sort(found.servers, {}, [](const Found& one) { return one.address.to_string(); });
  std::ranges::sort(found.unusable);
  return found;
}

}  // namespace pingap::upstream
