// How servers of an upstream are checked: the URL of health_check, or [upstreams.NAME.health].
#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/schema.h"
#include "config/suggest.h"
#include "config/syntax.h"
#include "config/units.h"

namespace pingap::config {
namespace {

constexpr Range kCounts{1, 100};
constexpr Range kPercent{0, 50};

struct Scheme {
  std::string_view name;
  HealthKind kind;
  bool tls;
};

constexpr std::array<Scheme, 5> kSchemes = {{{"tcp", HealthKind::tcp, false},
                                             {"http", HealthKind::http, false},
                                             {"https", HealthKind::http, true},
                                             {"grpc", HealthKind::grpc, false},
                                             {"grpcs", HealthKind::grpc, true}}};
constexpr std::string_view kSchemeNames = R"("tcp", "http", "https", "grpc" or "grpcs")";

bool set_scheme(std::string_view name, Health& out) {
  const auto found = std::ranges::find(kSchemes, name, &Scheme::name);
  if (found == kSchemes.end()) {
    return false;
  }
  out.kind = found->kind;
  out.tls = found->tls;
  return true;
}

void read_statuses(Reader& reader, const Field& field, Health& out) {
  out.statuses = {};
  for (const Located<std::string>& one : reader.list(field, Commas::yes)) {
    if (!out.statuses.add(one.value)) {
      reader.error(one.at,
                   {quote(one.value) + " is no status", R"("200", "2xx" or "200-399")", {}});
    }
  }
}

void read_headers(Reader& reader, const Field& field, Health& out) {
  for (FieldMatch& pair : reader.pairs(field)) {
    if (!pair.value) {
      reader.error(pair.at, {quote(pair.name) + " is not a header", R"("Name: value")", {}});
    } else if (reader.check(pair.at, check_header_name(pair.name)) &&
               reader.check(pair.at, check_header_value(*pair.value))) {
      out.headers.push_back({std::move(pair.name), std::move(*pair.value), pair.at});
    }
  }
}

void read_path(Reader& reader, const Field& field, Health& out) {
  Located<std::string> path;
  if (!reader.text(field, path)) {
    return;
  }
  if (!path.value.starts_with('/') || path.value.find(' ') != std::string::npos) {
    reader.error(path.at, {quote(path.value) + " is not a path", "it begins with `/`", {}});
    return;
  }
  out.path = std::move(path.value);
}

// Both the keys of the table and, with the original's names as aliases, the parameters of the URL.
constexpr Key<Health> kKeys[] = {
    {{"type", "", "kind of check", "\"http\""},
     [](Reader& reader, const Field& field, Health& out) {
       Located<std::string> name;
       if (reader.text(field, name) && !set_scheme(name.value, out)) {
         reader.error(name.at,
                      {quote(name.value) + " is no kind of check", std::string(kSchemeNames), {}});
       }
     }},
    {{"host", "", "host", "the server's"},
     [](Reader& reader, const Field& field, Health& out) {
       Located<std::string> host;
       if (reader.text(field, host)) {
         out.host = std::move(host.value);
       }
     }},
    {{"path", "", "path with query", "\"/\""}, read_path},
    {{"method", "", "method", "\"GET\""},
     [](Reader& reader, const Field& field, Health& out) {
       Located<std::string> method;
       if (reader.text(field, method)) {
         if (!is_token(method.value)) {
           reader.error(method.at, {quote(method.value) + " is not a method", {}, {}});
           return;
         }
         out.method = std::move(method.value);
       }
     }},
    {{"headers", "", "headers", "none"}, read_headers},
    {{"status", "", "list of statuses", "\"200-399\""}, read_statuses},
    {{"body", "", "text", "any"},
     [](Reader& reader, const Field& field, Health& out) { reader.text(field, out.body); }},
    {{"service", "", "name of a gRPC service", "\"\""},
     [](Reader& reader, const Field& field, Health& out) { reader.text(field, out.service); }},
    {{"interval", "check_frequency", "duration", "\"10s\""},
     [](Reader& reader, const Field& field, Health& out) {
       reader.duration(field, Zero::refused, out.interval);
     }},
    {{"timeout", "read_timeout", "duration", "\"3s\""},
     [](Reader& reader, const Field& field, Health& out) {
       reader.duration(field, Zero::refused, out.timeout);
     }},
    {{"connection_timeout", "", "duration", "the timeout"},
     [](Reader& reader, const Field& field, Health& out) {
       reader.duration(field, Zero::refused, out.connect_timeout);
     }},
    {{"rise", "success", "integer", "1"},
     [](Reader& reader, const Field& field, Health& out) {
       reader.integer(field, kCounts, out.rise);
     }},
    {{"fall", "failure", "integer", "2"},
     [](Reader& reader, const Field& field, Health& out) {
       reader.integer(field, kCounts, out.fall);
     }},
    {{"jitter_percent", "", "integer", "10"},
     [](Reader& reader, const Field& field, Health& out) {
       reader.integer(field, kPercent, out.jitter_percent);
     }},
    {{"reuse", "", "boolean", "true"},
     [](Reader& reader, const Field& field, Health& out) { reader.boolean(field, out.reuse); }},
};

// The parameter's text as a value of whatever type its key wants.
Value parameter_value(std::string_view key, std::string text, Position at) {
  Value value;
  value.at = at;
  value.kind = ValueKind::string;
  value.expanded = true;
  value.text = key == "reuse" && text.empty() ? "true" : std::move(text);  // the original's form
  return value;
}

const Key<Health>* find_parameter(std::string_view name) {
  const auto found = std::ranges::find_if(kKeys, [name](const Key<Health>& key) {
    return key.info.name == name || (!key.info.alias.empty() && key.info.alias == name);
  });
  const bool of_table =
      found != std::end(kKeys) && (found->info.name == "type" || found->info.name == "host" ||
                                   found->info.name == "path" || found->info.name == "headers");
  return found == std::end(kKeys) || of_table ? nullptr : &*found;
}

// "status=200&a=b" into what is ours, which is read, and the rest, which is asked for.
std::string take_parameters(std::string_view query, Position at, Reader& reader, Health& out) {
  std::string rest;
  while (!query.empty()) {
    const size_t end = query.find('&');
    const std::string_view one = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view{} : query.substr(end + 1);
    const size_t equals = one.find('=');
    const std::string_view name = one.substr(0, equals);
    const std::string text(equals == std::string_view::npos ? std::string_view{}
                                                            : one.substr(equals + 1));
    if (const Key<Health>* key = find_parameter(name)) {
      const Value value = parameter_value(key->info.name, text, at);
      key->read(reader, {name, at, value}, out);
    } else if (name == "tls") {
      out.tls = text != "false";
    } else if (name != "parallel") {  // of the original: checks are always side by side
      rest += (rest.empty() ? "?" : "&") + std::string(one);
    }
  }
  return rest;
}

}  // namespace

const Schema<Health> kHealthSchema{kKeys, {}};

// "http://HOST/PATH?PARAMETERS"; the host is only what is asked for, each server is asked itself.
void read_health_url(Reader& reader, const Field& field, std::optional<Health>& out) {
  Located<std::string> url;
  if (!reader.text(field, url)) {
    return;
  }
  const std::string_view text = url.value;
  const size_t scheme_end = text.find("://");
  Health health;
  if (scheme_end == std::string_view::npos || !set_scheme(text.substr(0, scheme_end), health)) {
    reader.error(url.at, {quote(text) + " is no health check",
                          R"("http://HOST/PATH", "https://HOST/PATH", "tcp://" or "grpc://HOST")",
                          {}});
    return;
  }
  const std::string_view rest = text.substr(scheme_end + 3);
  const size_t host_end = std::min(rest.find_first_of("/?"), rest.size());
  health.host = std::string(rest.substr(0, host_end));
  const std::string_view target = rest.substr(host_end);
  const size_t question = target.find('?');
  const std::string_view path = target.substr(0, question);
  std::string query;
  if (question != std::string_view::npos) {
    query = take_parameters(target.substr(question + 1), url.at, reader, health);
  }
  health.path = (path.empty() ? "/" : std::string(path)) + query;
  if (!is_printable(health.path) || health.path.find(' ') != std::string::npos) {
    reader.error(url.at, {quote(health.path) + " is not a path", {}, {}});
    return;
  }
  health.at = url.at;
  out = std::move(health);
}

void finish(Health& health) {
  if (health.statuses.empty()) {
    health.statuses.add("200-399");
  }
  if (health.connect_timeout == milliseconds::zero()) {
    health.connect_timeout = health.timeout;
  }
}

}  // namespace pingap::config
