// [tracing]: where spans go, and which.
#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/schema.h"
#include "config/schema_collector.h"
#include "config/suggest.h"
#include "config/syntax.h"
#include "config/tracing.h"

namespace pingap::config {
namespace {

constexpr std::array<std::string_view, 4> kPropagators = {"tracecontext", "baggage", "b3",
                                                          "b3multi"};
constexpr std::array<std::string_view, 3> kParents = {"all", "trusted", "none"};

void read_attributes(Reader& reader, const Field& field, Tracing& out) {
  for (FieldMatch& pair : reader.pairs(field)) {
    if (pair.name.empty() || !pair.value) {
      reader.error(pair.at, {quote(pair.name) + " is no attribute with a value",
                             R"(["deployment.environment.name: production"] or a table)",
                             {}});
      continue;
    }
    set_pair(out.resource_attributes, std::move(pair.name), std::move(*pair.value));
  }
}

void read_sample_ratio(Reader& reader, const Field& field, Tracing& out) {
  const Value& value = field.value;
  double ratio = static_cast<double>(value.integer);
  if (value.kind == ValueKind::floating || (value.kind == ValueKind::string && value.expanded)) {
    const std::string_view text = trim(value.text);
    const auto read = std::from_chars(text.data(), text.data() + text.size(), ratio);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size()) {
      ratio = -1;
    }
  } else if (value.kind != ValueKind::integer) {
    reader.wrong_type(field, "a number from 0 to 1");
    return;
  }
  if (!(ratio >= 0 && ratio <= 1)) {  // also what is no number
    reader.error(value.at, {quote(field.key) + " is out of range", "a number from 0 to 1",
                            "0.01 is one of a hundred"});
    return;
  }
  out.sample_ratio = ratio;
}

void read_parents(Reader& reader, const Field& field, Tracing& out) {
  if (const auto chosen = reader.choice(field, kParents)) {
    out.parents = static_cast<Tracing::Parents>(*chosen);
  }
}

void read_propagators(Reader& reader, const Field& field, Tracing& out) {
  std::vector<std::string> names;
  for (const auto& one : reader.list(field, Commas::yes)) {
    if (!is_propagator(one.value)) {
      reader.error(one.at, {"unknown propagator " + quote(one.value),
                            "one of " + join_names(kPropagators, kPropagators.size()),
                            did_you_mean(one.value, kPropagators)});
    } else {
      names.push_back(one.value);
    }
  }
  out.propagators = std::move(names);
}

constexpr std::array<Key<Tracing>, 21> kKeys = {{
    {{"enabled", "", "boolean", "true"},
     [](Reader& reader, const Field& field, Tracing& out) { reader.boolean(field, out.enabled); }},
    {{"endpoint", "", "string", "\"localhost:4317\""}, of_collector<read_otlp_endpoint>},
    {{"protocol", "", "protocol", "by endpoint"}, of_collector<read_otlp_protocol>},
    {{"service_name", "", "string", "\"pingap\""},
     [](Reader& reader, const Field& field, Tracing& out) {
       reader.text(field, out.service_name);
     }},
    {{"resource_attributes", "", "names and values", "none"}, read_attributes},
    {{"headers", "", "headers", "none"}, of_collector<read_otlp_headers>},
    {{"sample_ratio", "", "number", "1.0"}, read_sample_ratio},
    {{"sample_per_second", "", "integer", "0"},
     [](Reader& reader, const Field& field, Tracing& out) {
       reader.integer(field, {0, 1'000'000}, out.sample_per_second);
     }},
    {{"sample_errors", "", "boolean", "false"},
     [](Reader& reader, const Field& field, Tracing& out) {
       reader.boolean(field, out.sample_errors);
     }},
    {{"parent_based", "", "boolean", "true"},
     [](Reader& reader, const Field& field, Tracing& out) {
       reader.boolean(field, out.parent_based);
     }},
    {{"parents", "", "string", "\"all\""}, read_parents},
    {{"propagators", "", "list of strings", "[\"tracecontext\", \"baggage\"]"}, read_propagators},
    {{"compression", "", "string", "\"none\""}, of_collector<read_otlp_compression>},
    {{"timeout", "", "duration", "\"10s\""}, of_collector<read_otlp_timeout>},
    {{"tls_ca", "", "path or PEM", "the system's"}, of_collector<read_otlp_ca>},
    {{"tls_cert", "", "path or PEM", "none"}, of_collector<read_otlp_cert>},
    {{"tls_key", "", "path or PEM", "none"}, of_collector<read_otlp_key>},
    {{"tls_verify", "", "boolean", "true"}, of_collector<read_otlp_verify>},
    {{"queue_size", "", "integer", "4096"},
     [](Reader& reader, const Field& field, Tracing& out) {
       reader.integer(field, {128, 1'000'000}, out.queue_size);
     }},
    {{"batch_size", "", "integer", "512"},
     [](Reader& reader, const Field& field, Tracing& out) {
       reader.integer(field, {1, 10'000}, out.batch_size);
     }},
    {{"batch_delay", "", "duration", "\"1s\""},
     [](Reader& reader, const Field& field, Tracing& out) {
       reader.duration(field, Zero::refused, out.batch_delay);
     }},
}};

}  // namespace

const Schema<Tracing> kTracingSchema{kKeys, {}};

bool is_propagator(std::string_view name) noexcept {
  return std::ranges::find(kPropagators, name) != kPropagators.end();
}

bool Tracing::propagates(std::string_view how) const noexcept {
  return std::ranges::find(propagators, how) != propagators.end();
}

}  // namespace pingap::config
