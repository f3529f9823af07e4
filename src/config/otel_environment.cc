// The variables that OpenTelemetry has for its own libraries, as defaults of [tracing].
#include <array>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/suggest.h"
#include "config/tracing.h"

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

class OtelReader {
 public:
  OtelReader(Environment environment, Diagnostics& diagnostics, Tracing& out)
      : environment_(environment), diagnostics_(diagnostics), out_(out) {}

  void read() {
    read_exporter();
    read_resource();
    read_sampler();
    read_propagators();
    if (const auto off = get("OTEL_SDK_DISABLED")) {
      out_.enabled = !iequals(*off, "true");
    }
    number("OTEL_BSP_MAX_QUEUE_SIZE", 128, 1'000'000, out_.queue_size);
    number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 1, 10'000, out_.batch_size);
    duration("OTEL_BSP_SCHEDULE_DELAY", out_.batch_delay);
  }

 private:
  // An empty variable is as good as none, by the specification.
  std::optional<std::string> get(const std::string& name) {
    name_ = name;
    auto value = environment_(name);
    if (value) {
      *value = std::string(trim(*value));
    }
    return value && !value->empty() ? value : std::nullopt;
  }

  // The one for traces goes before the one for everything.
  std::optional<std::string> of_exporter(const std::string& what) {
    auto value = get("OTEL_EXPORTER_OTLP_TRACES_" + what);
    return value ? value : get("OTEL_EXPORTER_OTLP_" + what);
  }

  // Never its value: it may be a secret.
  void refuse(std::string allowed) {
    diagnostics_.error(out_.at,
                       fmt::format("the environment variable {} cannot be used", quote(name_)),
                       std::move(allowed));
  }

  void read_exporter() {
    if (auto endpoint = of_exporter("ENDPOINT")) {
      out_.endpoint_is_base = name_ == "OTEL_EXPORTER_OTLP_ENDPOINT";
      out_.endpoint.value = std::move(*endpoint);
    }
    if (const auto protocol = of_exporter("PROTOCOL")) {
      if (*protocol == "grpc") {
        out_.protocol = Tracing::Protocol::grpc;
      } else if (*protocol == "http/protobuf") {
        out_.protocol = Tracing::Protocol::http;
      } else {
        refuse("grpc or http/protobuf");
      }
    }
    if (const auto headers = of_exporter("HEADERS")) {
      out_.headers = pairs(*headers);
    }
    if (const auto compression = of_exporter("COMPRESSION")) {
      out_.gzip = *compression == "gzip";
      if (!out_.gzip && *compression != "none") {
        refuse("none or gzip");
      }
    }
    if (of_exporter("TIMEOUT")) {
      duration(name_, out_.timeout);
    }
    for (const auto& [what, to] :
         {std::pair{"CERTIFICATE", &out_.ca}, std::pair{"CLIENT_CERTIFICATE", &out_.cert},
          std::pair{"CLIENT_KEY", &out_.key}}) {
      if (auto path = of_exporter(what)) {
        *to = {std::move(*path), out_.at};
      }
    }
  }

  void read_resource() {
    if (const auto attributes = get("OTEL_RESOURCE_ATTRIBUTES")) {
      out_.resource_attributes = pairs(*attributes);
    }
    for (const auto& [name, value] : out_.resource_attributes) {
      if (name == "service.name") {
        out_.service_name = value;
      }
    }
    if (auto name = get("OTEL_SERVICE_NAME")) {
      out_.service_name = std::move(*name);
    }
  }

  void read_sampler() {
    const auto sampler = get("OTEL_TRACES_SAMPLER");
    if (!sampler) {
      return;
    }
    constexpr std::string_view kParentBased = "parentbased_";
    std::string_view kind = *sampler;
    out_.parent_based = kind.starts_with(kParentBased);
    if (out_.parent_based) {
      kind.remove_prefix(kParentBased.size());
    }
    if (kind == "always_on") {
      out_.sample_ratio = 1;
    } else if (kind == "always_off") {
      out_.sample_ratio = 0;
    } else if (kind == "traceidratio") {
      read_ratio();
    } else {
      refuse("always_on, always_off, traceidratio, or parentbased_ and one of these");
    }
  }

  void read_ratio() {
    const auto text = get("OTEL_TRACES_SAMPLER_ARG");
    if (!text) {
      return;
    }
    double ratio = -1;
    const char* end = text->data() + text->size();
    if (std::from_chars(text->data(), end, ratio).ptr != end || !(ratio >= 0 && ratio <= 1)) {
      refuse("a number from 0 to 1");
      return;
    }
    out_.sample_ratio = ratio;
  }

  void read_propagators() {
    const auto text = get("OTEL_PROPAGATORS");
    if (!text) {
      return;
    }
    out_.propagators.clear();
    std::string_view rest = *text;
    for (std::string_view name; next_list_item(rest, name);) {
      if (is_propagator(name)) {
        out_.propagators.emplace_back(name);
      } else if (name != "none") {
        refuse("tracecontext, baggage, b3, b3multi or none");
      }
    }
  }

  // "name=value,name=value"
  Tracing::Pairs pairs(std::string_view list) {
    Tracing::Pairs out;
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

  void number(const std::string& name, uint32_t min, uint32_t max, uint32_t& out) {
    const auto text = get(name);
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
  void duration(const std::string& name, milliseconds& out) {
    constexpr uint32_t kDay = 24 * 3600 * 1000;
    auto count = static_cast<uint32_t>(out.count());
    number(name, 1, kDay, count);
    out = milliseconds(count);
  }

  Environment environment_;
  Diagnostics& diagnostics_;
  Tracing& out_;
  std::string name_;  // of the variable that was asked for last
};

}  // namespace

void apply_otel_environment(Environment environment, Diagnostics& diagnostics, Tracing& out) {
  OtelReader(environment, diagnostics, out).read();
}

}  // namespace pingap::config
