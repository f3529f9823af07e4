// The schema, its documentation and the shipped files say the same.
#include "config/schema.h"

#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "config/loader.h"

namespace pingap::config {
namespace {

const std::string kRoot = PINGAP_SOURCE_DIR;

std::string read_file(const std::string& name) {
  std::ifstream file(kRoot + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

struct Row {
  std::string type;
  std::string fallback;
  std::string meaning;
};

// "| a | b |" -> "a", "b"
std::vector<std::string> cells(const std::string& line) {
  std::vector<std::string> out;
  std::istringstream in(line.substr(1));
  for (std::string cell; std::getline(in, cell, '|');) {
    const size_t first = cell.find_first_not_of(' ');
    const size_t last = cell.find_last_not_of(' ');
    out.push_back(first == std::string::npos ? "" : cell.substr(first, last - first + 1));
  }
  return out;
}

std::string bare(const std::string& cell) {
  return cell.size() > 1 && cell.front() == '`' && cell.back() == '`'
             ? cell.substr(1, cell.size() - 2)
             : cell;
}

// The rows of the key tables by section.
std::map<std::string, std::map<std::string, Row>> read_documentation() {
  std::map<std::string, std::map<std::string, Row>> sections;
  std::string section;
  bool in_keys = false;
  std::istringstream in(read_file("/docs/configuration.md"));
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("## ")) {
      section = line.substr(3);
    }
    if (!line.starts_with("|")) {
      in_keys = false;
    } else if (line == "| key | type | default | meaning |") {
      in_keys = true;
    } else if (in_keys && line.starts_with("| `")) {
      const auto row = cells(line);
      EXPECT_EQ(row.size(), 4u) << line;
      EXPECT_TRUE(sections[section].emplace(bare(row[0]), Row{row[1], bare(row[2]), row[3]}).second)
          << line;
    }
  }
  return sections;
}

TEST(Schema, IsWhatTheDocumentationSays) {
  auto documented = read_documentation();
  for (const SectionInfo& section : describe()) {
    auto& rows = documented[std::string(section.header)];
    for (const KeyInfo& key : section.keys) {
      const auto row = rows.find(std::string(key.name));
      ASSERT_NE(row, rows.end()) << section.header << " " << key.name << " is not documented";
      EXPECT_EQ(row->second.type, key.type) << section.header << " " << key.name;
      EXPECT_EQ(row->second.fallback, key.fallback) << section.header << " " << key.name;
      const std::string alias = "Alias `" + std::string(key.alias) + "`.";
      EXPECT_EQ(row->second.meaning.find(alias) != std::string::npos, !key.alias.empty())
          << section.header << " " << key.name;
      rows.erase(row);
    }
    EXPECT_TRUE(rows.empty()) << section.header << " documents " << rows.begin()->first
                              << ", which is no key";
  }
}

// The names in "- in `[basic]`: `a`, `b`".
std::set<std::string> names_of_item(const std::string& text, const std::string& item) {
  const size_t start = text.find(item);
  EXPECT_NE(start, std::string::npos) << item;
  const size_t end = std::min(text.find("\n- ", start), text.size());
  std::set<std::string> names;
  for (size_t at = start + item.size(); (at = text.find('`', at)) < end;) {
    const size_t close = text.find('`', at + 1);
    names.insert(text.substr(at + 1, close - at - 1));
    at = close + 1;
  }
  return names;
}

TEST(Schema, RefusesWhatTheDocumentationSaysItRefuses) {
  std::string text = read_file("/docs/configuration.md");
  text = text.substr(text.find("## Not yet"));
  const auto expected = [](std::span<const Foreign> foreign) {
    std::set<std::string> names;
    for (const Foreign& key : foreign) {
      if (key.hint.empty()) {
        names.emplace(key.name);
      }
    }
    return names;
  };
  EXPECT_EQ(names_of_item(text, "- sections:"), expected(kForeignSections));
  for (const SectionInfo& section : describe()) {
    if (section.foreign.empty()) {
      continue;
    }
    EXPECT_EQ(names_of_item(text, "- in `" + std::string(section.header) + "`:"),
              expected(section.foreign))
        << section.header;
  }
}

TEST(Schema, NamesAreUnique) {
  for (const SectionInfo& section : describe()) {
    std::set<std::string_view> names;
    for (const KeyInfo& key : section.keys) {
      EXPECT_TRUE(names.insert(key.name).second) << key.name;
      EXPECT_TRUE(key.alias.empty() || names.insert(key.alias).second) << key.alias;
    }
    for (const Foreign& key : section.foreign) {
      EXPECT_TRUE(names.insert(key.name).second) << key.name;
    }
  }
}

TEST(Schema, ShippedFilesAreValid) {
  for (const char* name : {"/configs/example.toml", "/configs/reference.toml"}) {
    Diagnostics diagnostics;
    load(read_sources(kRoot + name, diagnostics), diagnostics);
    EXPECT_EQ(diagnostics.render(), "") << name;
  }
}

TEST(Schema, ReferenceHasEveryKeyOfItsSection) {
  const std::string text = "\n" + read_file("/configs/reference.toml") + "\n[";
  for (const SectionInfo& section : describe()) {
    std::string header(section.header);
    if (const size_t name = header.find("NAME"); name != std::string::npos) {
      header.replace(name, 4, "reference");
    }
    size_t start = text.find("\n" + header + "\n");
    if (start == std::string::npos) {
      start = text.find("\n# " + header + "\n");  // as it needs files
    }
    ASSERT_NE(start, std::string::npos) << header;
    const std::string body = text.substr(start + 1, text.find("\n[", start + 1) - start - 1);
    for (const KeyInfo& key : section.keys) {
      const std::string assignment = std::string(key.name) + " = ";
      EXPECT_TRUE(body.find("\n" + assignment) != std::string::npos ||
                  body.find("\n# " + assignment) != std::string::npos)
          << header << " " << key.name;
    }
  }
}

void expect_equal(const ServerTls& a, const ServerTls& b) {
  EXPECT_EQ(a.store, b.store);
  EXPECT_EQ(a.min_version, b.min_version);
  EXPECT_EQ(a.max_version, b.max_version);
  EXPECT_EQ(a.client_auth, b.client_auth);
  EXPECT_EQ(a.h2, b.h2);
  EXPECT_EQ(a.pair.password, b.pair.password);
  EXPECT_EQ(a.pair.key_readable, b.pair.key_readable);
}

void expect_equal(const Basic& a, const Basic& b) {
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.threads, b.threads);
  EXPECT_EQ(a.grace_period, b.grace_period);
  EXPECT_EQ(a.pid_file.value, b.pid_file.value);
  EXPECT_EQ(a.user.value, b.user.value);
  EXPECT_EQ(a.group.value, b.group.value);
  EXPECT_EQ(a.error_template.value, b.error_template.value);
  EXPECT_EQ(a.log_level, b.log_level);
  EXPECT_EQ(a.buffer_budget, b.buffer_budget);
}

void expect_equal(const Upstream& a, const Upstream& b) {
  EXPECT_EQ(a.algorithm, b.algorithm);
  EXPECT_EQ(a.servers[0].weight, b.servers[0].weight);
  EXPECT_EQ(a.connection_timeout, b.connection_timeout);
  EXPECT_EQ(a.read_timeout, b.read_timeout);
  EXPECT_EQ(a.write_timeout, b.write_timeout);
  EXPECT_EQ(a.idle_timeout, b.idle_timeout);
  EXPECT_EQ(a.keepalive_pool_size, b.keepalive_pool_size);
  EXPECT_EQ(a.protocol, b.protocol);
  EXPECT_EQ(a.max_streams, b.max_streams);
  EXPECT_EQ(a.max_connections, b.max_connections);
}

void expect_equal(const Location& a, const Location& b) {
  EXPECT_EQ(a.path_type, b.path_type);
  EXPECT_EQ(a.priority, b.priority);
  EXPECT_EQ(a.match_headers.size() + a.match_query.size() + a.match_cookies.size(), 0u);
  EXPECT_EQ(a.rewrite.value, b.rewrite.value);
  EXPECT_EQ(a.headers_add.size() + a.headers_remove.size() + a.headers_set.size(), 0u);
  EXPECT_EQ(a.proxy_add_headers.size() + a.proxy_remove_headers.size(), 0u);
  EXPECT_EQ(a.proxy_set_headers.size(), 0u);
  EXPECT_EQ(a.client_max_body_size, b.client_max_body_size);
  EXPECT_EQ(a.request_buffering, b.request_buffering);
  EXPECT_EQ(a.response_buffering, b.response_buffering);
  EXPECT_EQ(a.pass_trailers, b.pass_trailers);
  EXPECT_EQ(a.websocket, b.websocket);
  EXPECT_EQ(a.ws_allowed_origins, b.ws_allowed_origins);
  EXPECT_EQ(a.grpc_web.value, b.grpc_web.value);
}

void expect_equal(const Listener& a, const Listener& b) {
  EXPECT_EQ(a.access_log.to.value, b.access_log.to.value);
  EXPECT_EQ(b.access_log.sample.value_or(1), 1U);
  EXPECT_EQ(a.trusted_proxies.size(), b.trusted_proxies.size());
  EXPECT_EQ(a.proxy_protocol_from.size(), b.proxy_protocol_from.size());
  EXPECT_EQ(a.header_timeout, b.header_timeout);
  EXPECT_EQ(a.keepalive_timeout, b.keepalive_timeout);
  EXPECT_EQ(a.body_timeout, b.body_timeout);
  EXPECT_EQ(a.write_timeout, b.write_timeout);
  EXPECT_EQ(a.min_body_rate, b.min_body_rate);
  EXPECT_EQ(a.keepalive_requests, b.keepalive_requests);
  EXPECT_EQ(a.max_connections, b.max_connections);
  EXPECT_EQ(a.max_header_size, b.max_header_size);
  EXPECT_EQ(a.max_headers, b.max_headers);
  EXPECT_EQ(a.underscores_in_headers, b.underscores_in_headers);
  EXPECT_EQ(a.merge_slashes, b.merge_slashes);
  EXPECT_EQ(a.encoded_slash, b.encoded_slash);
  EXPECT_EQ(a.via, b.via);
  expect_equal(a.tls, b.tls);
}

// The values written down in configs/reference.toml are the defaults.
TEST(Schema, ReferenceHasTheDefaults) {
  Diagnostics diagnostics;
  const Model reference =
      load(read_sources(kRoot + "/configs/reference.toml", diagnostics), diagnostics);
  const Model least = load({{"least",
                             "[upstreams.reference]\naddrs = ['127.0.0.1:9101']\n"
                             "[locations.reference]\nupstream = 'reference'\npath = '/'\n"
                             "[servers.reference]\naddr = '127.0.0.1:8080'\n"
                             "locations = ['reference']\n"}},
                           diagnostics);
  ASSERT_EQ(diagnostics.render(), "");
  expect_equal(reference.basic, least.basic);
  expect_equal(reference.upstreams[0], least.upstreams[0]);
  expect_equal(reference.locations[0], least.locations[0]);
  expect_equal(reference.servers[0], least.servers[0]);
}

}  // namespace
}  // namespace pingap::config
