#include "config/schema.h"

#include <algorithm>
#include <array>
#include <string>

#include <fmt/format.h>

#include "config/suggest.h"

namespace pingap::config {
namespace {

constexpr std::array<std::string_view, 9> kSectionNames = {"basic",   "upstreams",    "locations",
                                                           "servers", "certificates", "plugins",
                                                           "metrics", "logging",      "tracing"};

constexpr std::array<Foreign, 2> kLaterSections = {{{"admin", ""}, {"storages", ""}}};

const Member* find(const Value& table, std::string_view name) noexcept {
  for (const Member& member : table.members) {
    if (member.key == name) {
      return &member;
    }
  }
  return nullptr;
}

void report_foreign(const Member& member, std::string_view section, const Foreign& foreign,
                    Reader& reader) {
  if (foreign.hint.empty()) {
    reader.diagnostics().error(
        member.at,
        fmt::format("{} in [{}] is not supported yet in this version", quote(member.key), section),
        {}, "remove it: it would have no effect");
  } else {
    reader.diagnostics().error(member.at,
                               fmt::format("unknown key {} in [{}]", quote(member.key), section),
                               {}, std::string(foreign.hint));
  }
}

template <class T>
SectionInfo describe_section(std::string_view header, const Schema<T>& schema) {
  SectionInfo info{header, {}, {schema.foreign.begin(), schema.foreign.end()}};
  for (const Key<T>& key : schema.keys) {
    info.keys.push_back(key.info);
  }
  return info;
}

}  // namespace

const std::span<const Foreign> kForeignSections = kLaterSections;
const std::span<const std::string_view> kSections = kSectionNames;

const Member* pick(const Value& table, const KeyInfo& key, Reader& reader) {
  const Member* canonical = find(table, key.name);
  const Member* alias = key.alias.empty() ? nullptr : find(table, key.alias);
  if (canonical != nullptr && alias != nullptr) {
    const bool alias_later = std::pair(alias->at.line, alias->at.column) >
                             std::pair(canonical->at.line, canonical->at.column);
    const Member* later = alias_later ? alias : canonical;
    const Member* earlier = alias_later ? canonical : alias;
    reader.diagnostics().error(
        later->at,
        fmt::format("{} and {} are two names of one key", quote(key.name), quote(key.alias)),
        fmt::format("the other one is at {}", reader.diagnostics().place(earlier->at)),
        fmt::format("keep {}", quote(key.name)));
  }
  return canonical != nullptr ? canonical : alias;
}

void report_unknown(const Value& table, std::string_view section,
                    std::span<const std::string_view> names, std::span<const Foreign> foreign,
                    Reader& reader) {
  for (const Member& member : table.members) {
    if (std::ranges::find(names, member.key) != names.end()) {
      continue;
    }
    reader.diagnostics().hide_value(member.at);  // it may be a secret under a misspelt name
    const auto known = std::ranges::find(foreign, member.key, &Foreign::name);
    if (known != foreign.end()) {
      report_foreign(member, section, *known, reader);
      continue;
    }
    if (reader.diagnostics().full()) {
      reader.diagnostics().error(member.at, {});
      continue;  // only counted: a hint would take time
    }
    // The list of all keys only where no single one is meant: it is long.
    std::string hint = did_you_mean(member.key, names);
    reader.diagnostics().error(
        member.at, fmt::format("unknown key {} in [{}]", quote(member.key), section),
        hint.empty() ? "one of " + join_names(names, names.size()) : std::string(), hint);
  }
}

std::vector<SectionInfo> describe() {
  return {describe_section("[basic]", kBasicSchema),
          describe_section("[upstreams.NAME]", kUpstreamSchema),
          describe_section("[upstreams.NAME.health]", kHealthSchema),
          describe_section("[locations.NAME]", kLocationSchema),
          describe_section("[servers.NAME]", kServerSchema),
          describe_section("[certificates.NAME]", kCertificateSchema),
          describe_section("[plugins.NAME]", kPluginSchema),
          describe_section("[plugins.NAME.when]", kConditionSchema),
          describe_section("[metrics]", kMetricsSchema),
          describe_section("[logging]", kLoggingSchema),
          describe_section("[tracing]", kTracingSchema)};
}

}  // namespace pingap::config
