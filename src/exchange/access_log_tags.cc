#include "exchange/access_log_tags.h"

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "exchange/log_time.h"
#include "http/params.h"
#include "trace/context.h"

namespace pingap::exchange {
namespace {

using http::HeaderId;

constexpr uint8_t kNumber = 20;  // digits of a uint64_t
constexpr uint8_t kHuman = 24;
constexpr uint8_t kQuotes = 2;   // of JSON
constexpr uint8_t kReason = 64;  // the longest name of an ErrorCode, with room (tested)

constexpr std::array<LogTagInfo, 47> kTags = {{
    {"when", LogTag::when, kQuotes + kLocalTimeSize},
    {"when_utc_iso", LogTag::when_utc_iso, kQuotes + kUtcTimeSize},
    {"when_unix", LogTag::when_unix, kNumber},
    {"when_clf", LogTag::when_clf, kQuotes + kClfTimeSize},
    {"remote", LogTag::member, 0, HeaderId::other, &Exchange::peer_text},
    {"remote_port", LogTag::remote_port, kNumber},
    {"client_ip", LogTag::member, 0, HeaderId::other, &Exchange::client_text},
    {"server", LogTag::member, 0, HeaderId::other, &Exchange::server},
    {"server_addr", LogTag::member, 0, HeaderId::other, &Exchange::server_addr},
    {"server_port", LogTag::server_port, kNumber},
    {"location", LogTag::member, 0, HeaderId::other, &Exchange::location},
    {"upstream", LogTag::member, 0, HeaderId::other, &Exchange::upstream},
    {"upstream_addr", LogTag::member, 0, HeaderId::other, &Exchange::endpoint},
    {"upstream_status", LogTag::upstream_status, kNumber},
    {"upstream_reused", LogTag::upstream_reused, kNumber},
    {"upstream_connect_time", LogTag::upstream_connect_time, kNumber},
    {"upstream_response_time", LogTag::upstream_response_time, kNumber},
    {"attempts", LogTag::attempts, kNumber},
    {"failed_tries", LogTag::member, 0, HeaderId::other, &Exchange::failed_tries},
    {"method", LogTag::method, 0},
    {"path", LogTag::path, 0},
    {"query", LogTag::query, 0},
    {"uri", LogTag::uri, 0},
    {"proto", LogTag::proto, kNumber},
    {"scheme", LogTag::member, 0, HeaderId::other, &Exchange::scheme},
    {"tls_version", LogTag::member, 0, HeaderId::other, &Exchange::tls_version},
    {"tls_cipher", LogTag::member, 0, HeaderId::other, &Exchange::tls_cipher},
    {"tls_server_name", LogTag::member, 0, HeaderId::other, &Exchange::tls_server_name},
    {"tls_client_subject", LogTag::member, 0, HeaderId::other, &Exchange::tls_client_subject},
    {"host", LogTag::host, 0},
    {"referer", LogTag::referer, 0},
    {"user_agent", LogTag::request_header, 0, HeaderId::user_agent},
    {"request_id", LogTag::request_id, 0, HeaderId::x_request_id},
    {"trace_id", LogTag::trace_id, kQuotes + trace::kTraceIdSize},
    {"span_id", LogTag::span_id, kQuotes + trace::kSpanIdSize},
    {"status", LogTag::status, kNumber},
    {"reason", LogTag::reason, kReason},
    {"plugin", LogTag::member, 0, HeaderId::other, &Exchange::plugin},
    {"plugin_reason", LogTag::member, 0, HeaderId::other, &Exchange::plugin_reason},
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

namespace {

// A quick look at what stands before '=': the ends of the names above. Takes some other bytes for
// letters, which the comparison of the whole name sorts out.
bool may_end_secret(std::string_view name) noexcept {
  if (name.size() < 3) {
    return false;
  }
  const auto pair = [](char a, char b) {
    return (static_cast<unsigned>(static_cast<unsigned char>(a)) << 8 |
            static_cast<unsigned char>(b)) |
           0x2020U;
  };
  const unsigned end = pair(name[name.size() - 2], name[name.size() - 1]);
  return end == pair('e', 'n') || end == pair('e', 'y') || end == pair('e', 't') ||
         end == pair('r', 'd') || end == pair('w', 'd') || end == pair('w', 't') ||
         end == pair('r', 'e');  // token, key, secret, password, passwd, jwt, signature
}

// The next one is mostly so near that calling memchr costs more.
size_t find_equals(std::string_view query, size_t from) noexcept {
  constexpr size_t kNear = 16;
  const size_t end = std::min(query.size(), from + kNear);
  for (; from < end; ++from) {
    if (query[from] == '=') {
      return from;
    }
  }
  return query.find('=', from);
}

bool is_listed(const SecretName* list, std::string_view name) noexcept {
  for (; list != nullptr; list = list->next) {
    if (list->in == SecretName::In::argument && http::equals_decoded(name, list->name)) {
      return true;
    }
  }
  return false;
}

}  // namespace

SecretPlace find_secret(std::string_view query, size_t from, const SecretName* more) noexcept {
  for (size_t equals = find_equals(query, from); equals != std::string_view::npos;
       equals = find_equals(query, equals + 1)) {
    const std::string_view before = query.substr(0, equals);
    const auto name = [&] { return before.substr(before.rfind('&') + 1); };
    if ((may_end_secret(before) && contains(kSecretParameters, name())) ||
        (more != nullptr && is_listed(more, name()))) {
      return {equals + 1, std::min(query.find('&', equals), query.size())};
    }
  }
  return {};
}

}  // namespace pingap::exchange
