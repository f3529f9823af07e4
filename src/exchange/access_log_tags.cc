#include "exchange/access_log_tags.h"

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "exchange/log_time.h"

namespace pingap::exchange {
namespace {

constexpr uint8_t kNumber = 20;  // digits of a uint64_t
constexpr uint8_t kHuman = 24;
constexpr uint8_t kQuotes = 2;   // of JSON
constexpr uint8_t kReason = 64;  // the longest name of an ErrorCode, with room (tested)

constexpr std::array<LogTagInfo, 38> kTags = {{
    {"when", LogTag::when, kQuotes + kLocalTimeSize},
    {"when_utc_iso", LogTag::when_utc_iso, kQuotes + kUtcTimeSize},
    {"when_unix", LogTag::when_unix, kNumber},
    {"when_clf", LogTag::when_clf, kQuotes + kClfTimeSize},
    {"remote", LogTag::remote, 0},
    {"remote_port", LogTag::remote_port, kNumber},
    {"client_ip", LogTag::client_ip, 0},
    {"server", LogTag::server, 0},
    {"server_addr", LogTag::server_addr, 0},
    {"server_port", LogTag::server_port, kNumber},
    {"location", LogTag::location, 0},
    {"upstream", LogTag::upstream, 0},
    {"upstream_addr", LogTag::upstream_addr, 0},
    {"upstream_status", LogTag::upstream_status, kNumber},
    {"upstream_reused", LogTag::upstream_reused, kNumber},
    {"upstream_connect_time", LogTag::upstream_connect_time, kNumber},
    {"upstream_response_time", LogTag::upstream_response_time, kNumber},
    {"attempts", LogTag::attempts, kNumber},
    {"method", LogTag::method, 0},
    {"path", LogTag::path, 0},
    {"query", LogTag::query, 0},
    {"uri", LogTag::uri, 0},
    {"proto", LogTag::proto, kNumber},
    {"scheme", LogTag::scheme, 0},
    {"host", LogTag::host, 0},
    {"referer", LogTag::referer, 0},
    {"user_agent", LogTag::user_agent, 0},
    {"request_id", LogTag::request_id, 0},
    {"status", LogTag::status, kNumber},
    {"reason", LogTag::reason, kReason},
    {"reason_side", LogTag::reason_side, kNumber},
    {"size", LogTag::size, kNumber},
    {"size_human", LogTag::size_human, kHuman},
    {"payload_size", LogTag::payload_size, kNumber},
    {"payload_size_human", LogTag::payload_size_human, kHuman},
    {"latency", LogTag::latency, kNumber},
    {"latency_us", LogTag::latency_us, kNumber},
    {"latency_human", LogTag::latency_human, kHuman},
}};

constexpr std::array<std::string_view, 10> kSecretHeaders = {
    "authorization",    "proxy-authorization", "cookie",       "set-cookie",
    "x-api-key",        "x-auth-token",        "x-csrf-token", "x-access-token",
    "www-authenticate", "authentication-info"};

constexpr std::array<std::string_view, 14> kSecretParameters = {
    "access_token", "refresh_token", "id_token", "token",    "auth_token", "api_key", "apikey",
    "api-key",      "client_secret", "secret",   "password", "passwd",     "jwt",     "signature"};

template <size_t N>
bool contains(const std::array<std::string_view, N>& names, std::string_view name) noexcept {
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view known) { return iequals(known, name); });
}

}  // namespace

std::span<const LogTagInfo> log_tags() noexcept {
  return kTags;
}

const LogTagInfo* find_log_tag(std::string_view name) noexcept {
  const auto* found = std::find_if(kTags.begin(), kTags.end(),
                                   [&](const LogTagInfo& info) { return info.name == name; });
  return found == kTags.end() ? nullptr : found;
}

bool is_secret_header(std::string_view name) noexcept {
  return contains(kSecretHeaders, name);
}

bool is_secret_parameter(std::string_view name) noexcept {
  return contains(kSecretParameters, name);
}

}  // namespace pingap::exchange
