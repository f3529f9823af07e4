#include "exchange/access_log_presets.h"

#include <array>

namespace pingap::exchange {
namespace {

constexpr std::array<LogPreset, 5> kPresets = {{
    {"default",
     "{when} {client_ip} \"{method} {uri} {proto}\" {status} {reason} in={payload_size} "
     "out={size} {latency_us}us upstream={upstream_addr} attempts={attempts} failed={failed_tries} "
     "host=\"{host}\" "
     "agent=\"{user_agent}\""},
    // NCSA's formats, as log analysers expect them.
    {"common",
     "{client_ip} - {remote_user} [{when_clf}] \"{method} {uri} {proto}\" {status} {size}"},
    {"combined",
     "{client_ip} - {remote_user} [{when_clf}] \"{method} {uri} {proto}\" {status} {size} "
     "\"{referer}\" "
     "\"{user_agent}\""},
    {"tiny", "{method} {uri} {status} {size_human} - {latency}ms"},
    {"short", "{remote} {method} {uri} {proto} {status} {size_human} - {latency}ms"},
}};

constexpr std::array<LogKey, 25> kKeys = {{
    {"time", "when_utc_iso"},
    {"client", "client_ip"},
    {"peer", "remote"},
    {"method", "method"},
    {"uri", "uri"},
    {"proto", "proto"},
    {"host", "host"},
    {"status", "status"},
    {"reason", "reason"},
    {"termination", "termination"},
    {"server", "server"},
    {"location", "location"},
    {"upstream", "upstream_addr"},
    {"upstream_name", "upstream"},
    {"upstream_status", "upstream_status"},
    {"attempts", "attempts"},
    {"failed_tries", "failed_tries"},
    {"reused", "upstream_reused"},
    {"request_bytes", "payload_size"},
    {"response_bytes", "size"},
    {"duration_us", "latency_us"},
    {"user_agent", "user_agent"},
    {"referer", "referer"},
    {"request_id", "request_id"},
    {"trace_id", "trace_id"},
}};

}  // namespace

std::span<const LogPreset> log_presets() noexcept {
  return kPresets;
}

std::span<const LogKey> log_keys() noexcept {
  return kKeys;
}

}  // namespace pingap::exchange
