// Texts -> trees -> one tree -> sections -> model.
#include "config/loader.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "config/checks.h"
#include "config/expand.h"
#include "config/layout.h"
#include "config/otel_environment.h"
#include "config/schema.h"
#include "config/suggest.h"
#include "config/syntax.h"
#include "config/value.h"
#include "config/value_tree.h"

namespace pingap::config {
namespace {

bool is_section(std::string_view name) {
  return std::ranges::find(kSections, name) != kSections.end() ||
         std::ranges::find(kForeignSections, name, &Foreign::name) != kForeignSections.end();
}

// Puts a text that has left out its header below it. No entry has a key that is a table and called
// like a section, so the two cannot be confused.
Value with_headers(Value root, std::string_view path, uint32_t source) {
  const bool has_header = std::ranges::any_of(root.members, [](const Member& member) {
    return member.value.kind == ValueKind::table && is_section(member.key);
  });
  if (has_header || root.members.empty()) {
    return root;
  }
  std::vector<std::string> headers = headers_of(path);
  for (auto header = headers.rbegin(); header != headers.rend(); ++header) {
    const Position start{source, 1, 1};
    Value outer;
    outer.at = start;
    outer.members.push_back({std::move(*header), start, std::move(root)});
    root = std::move(outer);
  }
  return root;
}

class Loader {
 public:
  Loader(Diagnostics& diagnostics, Environment environment)
      : reader_(diagnostics), environment_(environment) {}

  Model run(std::vector<Text> texts) {
    // A text that could not be read is as good as a broken one.
    incomplete_ = diagnostics().has_errors();
    size_t total = 0;
    for (Text& text : texts) {
      total += text.text.size();
      if (total > kMaxConfigSize) {
        diagnostics().error({},
                            fmt::format("the configuration is too large at {}", quote(text.name)),
                            "8 MiB in all");
        return {};
      }
      read_text(std::move(text));
    }
    model_.build_index();
    finish_collectors();
    // Half a text says nothing about what refers to its other half.
    if (!incomplete_) {
      check_answered();
      check_model(model_, diagnostics());
    }
    return std::move(model_);
  }

 private:
  Diagnostics& diagnostics() noexcept { return reader_.diagnostics(); }

  void read_text(Text text) {
    const size_t errors = diagnostics().errors();
    const uint32_t source = diagnostics().add_source(std::move(text.name), text.text);
    Value root = read_toml(text.text, source, diagnostics());
    if (diagnostics().errors() > errors) {
      incomplete_ = true;
      return;
    }
    root = with_headers(std::move(root), text.path, source);
    expand_all(root, environment_, diagnostics());
    for (const Member& section : root.members) {
      read_section(section);
    }
  }

  void read_section(const Member& section) {
    const auto foreign = std::ranges::find(kForeignSections, section.key, &Foreign::name);
    if (foreign != kForeignSections.end()) {
      diagnostics().error(section.at,
                          fmt::format("[{}] is not supported yet in this version", section.key), {},
                          "remove it: it would have no effect");
      return;
    }
    if (std::ranges::find(kSections, section.key) == kSections.end()) {
      diagnostics().error(section.at, fmt::format("unknown section {}", quote(section.key)),
                          "one of " + join_names(kSections, kSections.size()),
                          did_you_mean(section.key, kSections));
      return;
    }
    if (section.value.kind != ValueKind::table) {
      reader_.wrong_type({section.key, section.at, section.value}, "a table");
      return;
    }
    if (is_single(section.key)) {
      read_single(section);
      return;
    }
    for (const Member& entry : section.value.members) {
      read_entry(section.key, entry);
    }
  }

  // Sections of one table may be spread over files, but each key is set once.
  void read_single(const Member& section) {
    for (const Member& member : section.value.members) {
      once(section.key, member);
    }
    if (section.key == "basic") {
      read_table(section.value, "basic", kBasicSchema, reader_, model_.basic);
      return;
    }
    if (section.key == "logging") {
      read_table(section.value, "logging", kLoggingSchema, reader_, model_.logging);
      return;
    }
    if (section.key == "tracing") {
      read_tracing(section);
      return;
    }
    read_metrics(section);
  }

  void read_tracing(const Member& section) {
    Tracing& tracing = model_.tracing;
    tracing.at = section.at;
    if (!std::exchange(tracing.present, true)) {
      report(read_otel_environment(environment_, tracing), section.at);
    }
    read_table(section.value, "tracing", kTracingSchema, reader_, tracing);
  }

  void read_metrics(const Member& section) {
    Metrics& metrics = model_.metrics;
    metrics.at = section.at;
    if (!std::exchange(metrics.present, true)) {
      metrics_variables_ = read_otel_environment(environment_, metrics);
    }
    read_table(section.value, "metrics", kMetricsSchema, reader_, metrics);
  }

  void report(const std::vector<Problem>& problems, Position at) {
    for (const Problem& one : problems) {
      diagnostics().error(at, one.what, one.allowed, one.hint);
    }
  }

  // Variables do not matter to metrics that go to no collector.
  void finish_collectors() {
    Tracing& tracing = model_.tracing;
    if (tracing.on()) {
      finish(tracing.collector, OtlpSignal::traces, tracing.at, diagnostics());
    }
    Metrics& metrics = model_.metrics;
    if (!metrics.on() || metrics.collector.endpoint.value.empty()) {
      return;
    }
    report(metrics_variables_, metrics.at);
    if (!tracing.present) {
      report(read_otel_resource(environment_, tracing), metrics.at);
    }
    finish(metrics.collector, OtlpSignal::metrics, metrics.at, diagnostics());
  }

  void read_entry(const std::string& section, const Member& entry) {
    reader_.check(entry.at, check_entry_name(entry.key));
    if (entry.value.kind != ValueKind::table) {
      diagnostics().error(entry.at,
                          fmt::format("{} in [{}] must be a table, not {}", quote(entry.key),
                                      section, to_string(entry.value.kind)),
                          {}, fmt::format("[{}.NAME] starts an entry", section));
      return;
    }
    if (!once(section, entry)) {
      return;
    }
    const std::string label = section + "." + plain(entry.key);
    if (section == "upstreams") {
      read_upstream(entry, label);
    } else if (section == "locations") {
      read_location(entry, label);
    } else if (section == "servers") {
      read_server(entry, label);
    } else if (section == "certificates") {
      read_certificate(entry, label);
    } else {
      read_plugin(entry, label);
    }
  }

  void read_upstream(const Member& entry, const std::string& label) {
    UpstreamDraft draft;
    draft.upstream.name = entry.key;
    draft.upstream.at = entry.at;
    read_table(entry.value, label, kUpstreamSchema, reader_, draft);
    if (!is_listed(draft.upstream.discovery.kind)) {
      require(entry, "addrs", label);
    }
    model_.upstreams.push_back(finish(std::move(draft), reader_));
  }

  void read_location(const Member& entry, const std::string& label) {
    LocationDraft draft;
    draft.location.name = entry.key;
    draft.location.at = entry.at;
    if (find_member(entry.value, "plugins") == nullptr) {
      require(entry, "upstream", label);
    } else if (find_member(entry.value, "upstream") == nullptr) {
      without_upstream_.insert(entry.key);
    }
    read_table(entry.value, label, kLocationSchema, reader_, draft);
    model_.locations.push_back(finish(std::move(draft), reader_));
  }

  void read_server(const Member& entry, const std::string& label) {
    Listener server;
    server.name = entry.key;
    server.at = entry.at;
    require(entry, "addr", label);
    read_table(entry.value, label, kServerSchema, reader_, server);
    model_.servers.push_back(std::move(server));
  }

  void read_certificate(const Member& entry, const std::string& label) {
    CertificateEntry certificate;
    certificate.name = entry.key;
    certificate.at = entry.at;
    require(entry, "tls_cert", label);
    require(entry, "tls_key", label);
    read_table(entry.value, label, kCertificateSchema, reader_, certificate);
    model_.certificates.push_back(std::move(certificate));
  }

  void read_plugin(const Member& entry, const std::string& label) {
    Plugin plugin;
    plugin.name = entry.key;
    plugin.at = entry.at;
    std::vector<std::string_view> names;
    read_keys(entry.value, kPluginSchema, reader_, plugin, names);
    if (find_member(entry.value, "category") == nullptr) {
      require(entry, "type", label);
    }
    plugin.options.at = entry.at;
    for (const Member& member : entry.value.members) {
      if (std::ranges::find(names, member.key) == names.end()) {
        plugin.options.members.push_back(member);
      }
    }
    model_.plugins.push_back(std::move(plugin));
  }

  void require(const Member& entry, std::string_view key, const std::string& label) {
    const auto found = std::ranges::find(entry.value.members, key, &Member::key);
    if (found == entry.value.members.end()) {
      diagnostics().error(entry.at, fmt::format("[{}] needs {}", label, quote(key)));
    }
  }

  // The TOML library finds what is set twice in one text; this finds it across texts.
  bool once(const std::string& section, const Member& member) {
    const auto [it, fresh] = seen_.emplace(section + "\n" + member.key, member.at);
    if (!fresh) {
      diagnostics().error(member.at,
                          fmt::format("{} in [{}] is defined twice", quote(member.key), section),
                          fmt::format("first at {}", diagnostics().place(it->second)));
    }
    return fresh;
  }

  // `plugins = []` leaves it to those of the servers, which must have some.
  void check_answered() {
    for (const Listener& server : model_.servers) {
      for (const auto& name : server.locations) {
        const Location* location = model_.find_location(name.value);
        if (location != nullptr && server.plugins.empty() && location->plugins.empty() &&
            without_upstream_.contains(name.value)) {
          diagnostics().error(name.at,
                              fmt::format("[locations.{}] has neither `upstream` nor plugins, nor "
                                          "has this server plugins that could answer",
                                          plain(name.value)));
        }
      }
    }
  }

  Reader reader_;
  Environment environment_;
  Model model_;
  std::vector<Problem> metrics_variables_;  // what is wrong with those of the environment
  std::unordered_map<std::string, Position> seen_;
  std::unordered_set<std::string> without_upstream_;  // locations
  bool incomplete_ = false;
};

}  // namespace

Model load(std::vector<Text> texts, Diagnostics& diagnostics, Environment environment) {
  return Loader(diagnostics, environment).run(std::move(texts));
}

Model load(std::vector<Text> texts, Diagnostics& diagnostics) {
  return load(std::move(texts), diagnostics, process_environment);
}

}  // namespace pingap::config
