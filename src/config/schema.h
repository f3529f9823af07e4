// The keys of the configuration as tables: name, alias, type and default of each, and how it is
// read. docs/configuration.md and configs/reference.toml are checked against them by schema_test.
// Control thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "config/model.h"
#include "config/reader.h"
#include "config/value.h"

namespace pingap::config {

struct KeyInfo {
  std::string_view name;
  std::string_view alias;     // the original's spelling, may be empty
  std::string_view type;      // as in the documentation
  std::string_view fallback;  // the default as in the documentation; "required" if there is none
};

template <class T>
struct Key {
  KeyInfo info;
  void (*read)(Reader& reader, const Field& field, T& out);
};

// A key that is known but not accepted. Silence would be a security hole: the operator believes
// in a protection that is not there.
struct Foreign {
  std::string_view name;
  std::string_view hint;  // what to do instead; empty = it comes with a later version
};

template <class T>
struct Schema {
  std::span<const Key<T>> keys;
  std::span<const Foreign> foreign;
};

// Of a server: 0 takes nothing new; above, a hash ring has points for each unit.
inline constexpr Range kWeights{0, 1000};

// Whether a key was written, by where its value stands.
inline bool given(Position at) noexcept {
  return at.line > 0;
}

// What is read of a section before its keys are checked against each other.
struct UpstreamDraft {
  Upstream upstream;
  std::vector<Located<std::string>> addrs;
  size_t addrs_written = 0;  // those with errors too
  std::vector<uint32_t> weights;
  Position weights_at;  // line 0 = not given
  Position algorithm_at;
  Position pool_size_at;
  Position send_proxy_at;
  Position max_streams_at;
  Position verify_at;
  Located<std::string> hash_key;
  Position health_at;
  Position queue_at;
  Position pool_min_at;
  std::vector<uint32_t> priorities;
  Position priorities_at;
  std::vector<Located<std::string>> backups;
  Position sticky_secret_at;
  std::unordered_set<std::string> seen;  // addresses
  Position discovery_at;
  Position docker_socket_at;
  Position dns_at;  // of a key that only matters to names
};

struct LocationDraft {
  Location location;
  Position path_type_at;  // line 0 = not given
  Position hedge_at;      // the same
};

extern const Schema<Basic> kBasicSchema;
extern const Schema<Health> kHealthSchema;  // [upstreams.NAME.health]
extern const Schema<UpstreamDraft> kUpstreamSchema;
extern const Schema<LocationDraft> kLocationSchema;
extern const Schema<Listener> kServerSchema;
extern const Schema<CertificateEntry> kCertificateSchema;
extern const Schema<Metrics> kMetricsSchema;
extern const Schema<Logging> kLoggingSchema;
extern const Schema<Tracing> kTracingSchema;
extern const Schema<Plugin> kPluginSchema;        // but for what its type knows
extern const Schema<Condition> kConditionSchema;  // of `when` and `unless`
// Top-level sections that belong to later versions.
extern const std::span<const Foreign> kForeignSections;
// The sections there are: "basic", "upstreams", "locations", "servers", "certificates", "plugins",
// "metrics", "logging", "tracing".
extern const std::span<const std::string_view> kSections;

// Whether a section is one table, and not one of named entries.
constexpr bool is_single(std::string_view section) noexcept {
  return section == "basic" || section == "metrics" || section == "logging" || section == "tracing";
}

// Check the keys of a section against each other and complete the result.
Upstream finish(UpstreamDraft draft, Reader& reader);
void finish(Health& health);
Location finish(LocationDraft draft, Reader& reader);

// The same as a table of kHealthSchema, in one text; `out` stays as it is on an error.
void read_health_url(Reader& reader, const Field& field, std::optional<Health>& out);

// Keys of where servers come from.
void read_discovery(Reader& reader, const Field& field, UpstreamDraft& out);
void read_discovery_etcd(Reader& reader, const Field& field, UpstreamDraft& out);
void read_dns_servers(Reader& reader, const Field& field, UpstreamDraft& out);
void read_dns_search(Reader& reader, const Field& field, UpstreamDraft& out);
void read_discovery_allow(Reader& reader, const Field& field, UpstreamDraft& out);
void read_docker_socket(Reader& reader, const Field& field, UpstreamDraft& out);
// `addrs` and `weights` to servers and to names of servers.
void finish_servers(UpstreamDraft& draft, Reader& reader);

// Keys that several sections have.
void read_access_log(Reader& reader, const Field& field, AccessLog& out);
void read_access_log_format(Reader& reader, const Field& field, AccessLog& out);
void read_access_log_status(Reader& reader, const Field& field, AccessLog& out);
void read_access_log_min_duration(Reader& reader, const Field& field, AccessLog& out);
void read_access_log_sample(Reader& reader, const Field& field, AccessLog& out);
void read_access_log_redact(Reader& reader, const Field& field, AccessLog& out);
void read_methods(Reader& reader, const Field& field, std::vector<std::string>& out);
std::vector<FieldMatch> read_matches(Reader& reader, const Field& field);
void read_match_headers(Reader& reader, const Field& field, std::vector<FieldMatch>& out);
// Names and values that are in no message. What is in `out` by the same name is replaced.
void read_secret_headers(Reader& reader, const Field& field, Collector::Pairs& out);
void set_pair(Collector::Pairs& pairs, std::string name, std::string value);
void read_networks(Reader& reader, const Field& field, std::vector<Located<std::string>>& out);
void read_plugins(Reader& reader, const Field& field, std::vector<PluginUse>& out);

// The schema without its functions, for documentation and completion.
struct SectionInfo {
  std::string_view header;  // "[upstreams.NAME]"
  std::vector<KeyInfo> keys;
  std::vector<Foreign> foreign;
};

std::vector<SectionInfo> describe();

// --- The part that does not depend on the type of a section. ---

// The member for a key by its name or alias; both together are an error. Null if there is none.
const Member* pick(const Value& table, const KeyInfo& key, Reader& reader);
// Says which members of the table no key stands for.
void report_unknown(const Value& table, std::string_view section,
                    std::span<const std::string_view> names, std::span<const Foreign> foreign,
                    Reader& reader);

// Reads the keys of a table that the schema has, whose names it adds to `names`; the others are
// left for somebody else.
template <class T>
void read_keys(const Value& table, const Schema<T>& schema, Reader& reader, T& out,
               std::vector<std::string_view>& names) {
  for (const Key<T>& key : schema.keys) {
    names.push_back(key.info.name);
    if (!key.info.alias.empty()) {
      names.push_back(key.info.alias);
    }
    if (const Member* member = pick(table, key.info, reader); member != nullptr) {
      key.read(reader, {member->key, member->at, member->value}, out);
    }
  }
}

// Reads a table; `section` is its name in errors: "upstreams.api".
template <class T>
void read_table(const Value& table, std::string_view section, const Schema<T>& schema,
                Reader& reader, T& out) {
  std::vector<std::string_view> names;
  read_keys(table, schema, reader, out, names);
  report_unknown(table, section, names, schema.foreign, reader);
}

}  // namespace pingap::config
