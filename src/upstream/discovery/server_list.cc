#include "upstream/discovery/server_list.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "config/address.h"
#include "config/read_file.h"
#include "config/reader.h"
#include "config/suggest.h"
#include "config/value.h"

namespace pingap::upstream {
namespace {

using config::Field;
using config::Member;
using config::Value;
using config::ValueKind;

constexpr config::Range kWeights{0, 1000};
constexpr config::Range kPriorities{0, 3};
constexpr std::string_view kBlanks = " \t\r\n";

// "{" or "[{" or "[]": no text in TOML begins like that.
bool is_json(std::string_view text) noexcept {
  const auto next = [&text] {
    const size_t at = text.find_first_not_of(kBlanks);
    text.remove_prefix(std::min(at, text.size()));
    return text.empty() ? '\0' : text.front();
  };
  if (next() != '[') {
    return text.starts_with('{');
  }
  text.remove_prefix(1);
  return next() == '{' || text.starts_with(']');
}

class List {
 public:
  List(const ListRules& rules, config::Diagnostics& diagnostics)
      : rules_(rules), reader_(diagnostics) {}

  std::vector<Found> read(const Value& root) {
    if (root.kind == ValueKind::array) {
      each(root, [this](const Value& group) { read_group(group); });
    } else {
      read_root(root);
    }
    return std::move(found_);
  }

 private:
  static Field field_of(const Member& member) { return {member.key, member.at, member.value}; }

  // Calls `read` for each member of a table; false from it means that the key is not known.
  template <class Read>
  void members(const Value& table, std::string_view what, Read read) {
    if (table.kind != ValueKind::table) {
      reader_.error(
          table.at,
          {fmt::format("{} must be a table, not {}", what, config::to_string(table.kind)), {}, {}});
      return;
    }
    for (const Member& member : table.members) {
      if (!read(member)) {
        reader_.error(
            member.at,
            {fmt::format("unknown key {} of {}", config::quote(member.key), what), {}, {}});
      }
    }
  }

  template <class Read>
  void each(const Value& list, Read read) {
    for (const Value& item : list.items) {
      if (found_.size() > kMaxListed) {
        return;
      }
      read(item);
    }
  }

  void read_root(const Value& root) {
    bool listed = false;
    members(root, "the list", [&](const Member& member) {
      if (member.key != "servers") {
        return false;
      }
      listed = true;
      if (member.value.kind != ValueKind::array) {
        reader_.wrong_type(field_of(member), "a list of servers");
        return true;
      }
      each(member.value, [this](const Value& server) { read_server(server); });
      return true;
    });
    if (!listed && !reader_.diagnostics().has_errors()) {
      reader_.error(root.at, {"`servers` is missing", "a list of tables, which may be empty", {}});
    }
  }

  void read_server(const Value& table) {
    config::Located<std::string> addr;
    Found found;
    members(table, "a server", [&](const Member& member) {
      if (member.key == "addr") {
        reader_.text(field_of(member), addr);
      } else if (member.key == "weight") {
        reader_.integer(field_of(member), kWeights, found.weight);
      } else if (member.key == "priority") {
        reader_.integer(field_of(member), kPriorities, found.priority);
      } else {
        return false;
      }
      return true;
    });
    if (addr.at.line == 0) {
      if (!reader_.diagnostics().has_errors()) {
        reader_.error(table.at, {"a server needs `addr`", {}, {}});
      }
      return;
    }
    add(addr, std::move(found));
  }

  // {"targets": ["10.0.0.1:80"], "labels": {...}}
  void read_group(const Value& group) {
    members(group, "a group", [&](const Member& member) {
      if (member.key == "labels") {
        return true;  // they are for whoever measures
      }
      if (member.key != "targets") {
        return false;
      }
      for (const config::Located<std::string>& target :
           reader_.list(field_of(member), config::Commas::no)) {
        add(target, {});
      }
      return true;
    });
  }

  void add(const config::Located<std::string>& addr, Found found) {
    if (found_.size() == kMaxListed) {
      reader_.error(addr.at,
                    {"there are too many servers", fmt::format("at most {}", kMaxListed), {}});
    }
    auto endpoint = config::parse_backend_address(addr.value, rules_.port);
    if (!endpoint) {
      reader_.error(addr.at, std::move(endpoint.error()));
      return;
    }
    const auto address = net::Address::parse(endpoint->to_string());
    if (!address) {
      reader_.error(addr.at, {config::quote(addr.value) + " is a name",
                              "an IP address or a unix socket", "names belong into `addrs`"});
      return;
    }
    const char* fault =
        address->is_unix() ? nullptr : rules_.filter.refuses(address->ip(), rules_.loopback);
    if (fault != nullptr) {
      reader_.error(addr.at, {fmt::format("{} is refused: {}", address->to_string(), fault),
                              {},
                              "`discovery_allow` lists what is not"});
      return;
    }
    found.address = *address;
    found_.push_back(std::move(found));
  }

  const ListRules& rules_;
  config::Reader reader_;
  std::vector<Found> found_;
};

}  // namespace

ListRules file_rules(const config::Discovery& discovery, uint16_t port) {
  return {port, AddressFilter(discovery.allow), AddressFilter::Loopback::allowed};
}

std::vector<Found> parse_server_list(std::string_view text, const ListRules& rules, uint32_t source,
                                     config::Diagnostics& diagnostics) {
  const Value root = is_json(text) ? config::read_json(text, source, diagnostics)
                                   : config::read_toml(text, source, diagnostics);
  if (diagnostics.has_errors()) {
    return {};
  }
  return List(rules, diagnostics).read(root);
}

std::vector<Found> read_server_list(const std::string& path, const ListRules& rules,
                                    config::Diagnostics& diagnostics) {
  const auto text = config::read_file(path, kMaxServerList);
  if (!text) {
    diagnostics.add_source(path, {});
    diagnostics.error({},
                      fmt::format("cannot read {}: {}", config::quote_path(path), text.error()));
    return {};
  }
  const uint32_t source = diagnostics.add_source(path, *text);
  return parse_server_list(*text, rules, source, diagnostics);
}

}  // namespace pingap::upstream
