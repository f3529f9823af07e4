#include "config/otel_environment.h"

#include <array>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/suggest.h"

namespace pingap::config {
namespace {

using std::chrono::milliseconds;

// A value of the form of a URL: "%20" is a blank (W3C Baggage 3.3.1).
std::string decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    const char* digits = text.data() + i + 1;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2) {
      out += static_cast<char>(byte);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

class Variables {
 public:
  explicit Variables(Environment environment) : environment_(environment) {}

  // An empty variable is as good as none, by the specification.
  std::optional<std::string> get(std::string name) {
    name_ = std::move(name);
    auto value = environment_(name_);
    if (value) {
      *value = std::string(trim(*value));
    }
    return value && !value->empty() ? value : std::nullopt;
  }

  // Of the one that was asked for last.
  const std::string& name() const noexcept { return name_; }

  // The same; never its value: it may be a secret.
  void refuse(std::string allowed) {
    problems_.push_back({fmt::format("the environment variable {} cannot be used", quote(name_)),
                         std::move(allowed),
                         {}});
  }

  // "name=value,name=value"
  Collector::Pairs pairs(std::string_view list) {
    Collector::Pairs out;
    for (std::string_view item; next_list_item(list, item);) {
      const size_t equals = item.find('=');
      if (item.empty()) {
        continue;
      }
      if (equals == 0 || equals == std::string_view::npos) {
        refuse("NAME=VALUE,NAME=VALUE");
        return {};
      }
      out.emplace_back(trim(item.substr(0, equals)), decoded(trim(item.substr(equals + 1))));
    }
    return out;
  }

  void number(std::string name, uint32_t min, uint32_t max, uint32_t& out) {
    const auto text = get(std::move(name));
    if (!text) {
      return;
    }
    const auto value = parse_decimal(*text);
    if (!value || *value < min || *value > max) {
      refuse(fmt::format("{} to {}", min, max));
      return;
    }
    out = static_cast<uint32_t>(*value);
  }

  // In milliseconds.
  void duration(std::string name, milliseconds& out) {
    constexpr uint32_t kDay = 24 * 3600 * 1000;
    auto count = static_cast<uint32_t>(out.count());
    number(std::move(name), 1, kDay, count);
    out = milliseconds(count);
  }

  std::vector<Problem> problems() && { return std::move(problems_); }

 private:
  Environment environment_;
  std::string name_;
  std::vector<Problem> problems_;
};

// ---- of both signals

constexpr std::string_view name_of(OtlpSignal signal) noexcept {
  return signal == OtlpSignal::traces ? "TRACES" : "METRICS";
}

// A variable of exporters: the one for a signal goes before the one for everything.
std::optional<std::string> of_exporter(Variables& variables, OtlpSignal signal,
                                       std::string_view what) {
  auto value = variables.get(fmt::format("OTEL_EXPORTER_OTLP_{}_{}", name_of(signal), what));
  return value ? value : variables.get(fmt::format("OTEL_EXPORTER_OTLP_{}", what));
}

void read_collector(Variables& variables, OtlpSignal signal, Position at, Collector& out) {
  const auto get = [&](std::string_view what) { return of_exporter(variables, signal, what); };
  if (auto endpoint = get("ENDPOINT")) {
    out.endpoint_is_base = variables.name() == "OTEL_EXPORTER_OTLP_ENDPOINT";
    out.endpoint.value = std::move(*endpoint);
  }
  if (const auto protocol = get("PROTOCOL")) {
    if (*protocol == "grpc") {
      out.protocol = Collector::Protocol::grpc;
    } else if (*protocol == "http/protobuf") {
      out.protocol = Collector::Protocol::http;
    } else {
      variables.refuse("grpc or http/protobuf");
    }
  }
  if (const auto headers = get("HEADERS")) {
    out.headers = variables.pairs(*headers);
  }
  if (const auto compression = get("COMPRESSION")) {
    out.gzip = *compression == "gzip";
    if (!out.gzip && *compression != "none") {
      variables.refuse("none or gzip");
    }
  }
  if (get("TIMEOUT")) {
    variables.duration(variables.name(), out.timeout);
  }
  for (const auto& [what, to] :
       {std::pair{"CERTIFICATE", &out.ca}, std::pair{"CLIENT_CERTIFICATE", &out.cert},
        std::pair{"CLIENT_KEY", &out.key}}) {
    if (auto path = get(what)) {
      *to = {std::move(*path), at};
    }
  }
}

// Whether a signal goes to a collector; nothing: they do not say.
std::optional<bool> is_sent(Variables& variables, OtlpSignal signal) {
  const auto off = variables.get("OTEL_SDK_DISABLED");
  if (off && iequals(*off, "true")) {
    return false;
  }
  const auto exporters = variables.get(fmt::format("OTEL_{}_EXPORTER", name_of(signal)));
  if (!exporters) {
    return std::nullopt;
  }
  bool otlp = false;
  std::string_view rest = *exporters;
  for (std::string_view name; next_list_item(rest, name);) {
    if (name == "otlp") {
      otlp = true;
    } else if (name != "none" && name != "prometheus") {
      variables.refuse("otlp, prometheus or none");
    }
  }
  return otlp;
}

// ---- of traces

void read_resource(Variables& variables, Tracing& out) {
  if (const auto attributes = variables.get("OTEL_RESOURCE_ATTRIBUTES")) {
    out.resource_attributes = variables.pairs(*attributes);
  }
  for (const auto& [name, value] : out.resource_attributes) {
    if (name == "service.name") {
      out.service_name = value;
    }
  }
  if (auto name = variables.get("OTEL_SERVICE_NAME")) {
    out.service_name = std::move(*name);
  }
}

void read_ratio(Variables& variables, Tracing& out) {
  const auto text = variables.get("OTEL_TRACES_SAMPLER_ARG");
  if (!text) {
    return;
  }
  double ratio = -1;
  const char* end = text->data() + text->size();
  if (std::from_chars(text->data(), end, ratio).ptr != end || !(ratio >= 0 && ratio <= 1)) {
    variables.refuse("a number from 0 to 1");
    return;
  }
  out.sample_ratio = ratio;
}

void read_sampler(Variables& variables, Tracing& out) {
  const auto sampler = variables.get("OTEL_TRACES_SAMPLER");
  if (!sampler) {
    return;
  }
  constexpr std::string_view kParentBased = "parentbased_";
  std::string_view kind = *sampler;
  out.parent_based = kind.starts_with(kParentBased);
  if (out.parent_based) {
    kind.remove_prefix(kParentBased.size());
  }
  if (kind == "always_on") {
    out.sample_ratio = 1;
  } else if (kind == "always_off") {
    out.sample_ratio = 0;
  } else if (kind == "traceidratio") {
    read_ratio(variables, out);
  } else {
    variables.refuse("always_on, always_off, traceidratio, or parentbased_ and one of these");
  }
}

void read_propagators(Variables& variables, Tracing& out) {
  const auto text = variables.get("OTEL_PROPAGATORS");
  if (!text) {
    return;
  }
  out.propagators.clear();
  std::string_view rest = *text;
  for (std::string_view name; next_list_item(rest, name);) {
    if (is_propagator(name)) {
      out.propagators.emplace_back(name);
    } else if (name != "none") {
      variables.refuse("tracecontext, baggage, b3, b3multi or none");
    }
  }
}

}  // namespace

std::vector<Problem> read_otel_environment(Environment environment, Tracing& out) {
  Variables variables(environment);
  read_collector(variables, OtlpSignal::traces, out.at, out.collector);
  read_resource(variables, out);
  read_sampler(variables, out);
  read_propagators(variables, out);
  out.enabled = is_sent(variables, OtlpSignal::traces).value_or(true);
  variables.number("OTEL_BSP_MAX_QUEUE_SIZE", 128, 1'000'000, out.queue_size);
  variables.number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 1, 10'000, out.batch_size);
  variables.duration("OTEL_BSP_SCHEDULE_DELAY", out.batch_delay);
  return std::move(variables).problems();
}

std::vector<Problem> read_otel_environment(Environment environment, Metrics& out) {
  Variables variables(environment);
  read_collector(variables, OtlpSignal::metrics, out.at, out.collector);
  auto& endpoint = out.collector.endpoint.value;
  if (const auto sent = is_sent(variables, OtlpSignal::metrics)) {
    if (!*sent) {
      endpoint.clear();
    } else if (endpoint.empty()) {
      endpoint = "localhost:4317";
    }
  }
  variables.duration("OTEL_METRIC_EXPORT_INTERVAL", out.otlp_interval);
  return std::move(variables).problems();
}

std::vector<Problem> read_otel_resource(Environment environment, Tracing& out) {
  Variables variables(environment);
  read_resource(variables, out);
  return std::move(variables).problems();
}

}  // namespace pingap::config
