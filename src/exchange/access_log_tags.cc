#include "exchange/access_log_tags.h"

#include <algorithm>
#include <array>

#include "exchange/log_time.h"
#include "trace/context.h"

namespace pingap::exchange {
namespace {

using http::HeaderId;

constexpr uint8_t kNumber = 20;  // digits of a uint64_t
constexpr uint8_t kHuman = 24;
constexpr uint8_t kQuotes = 2;   // of JSON
constexpr uint8_t kReason = 64;  // the longest name of an ErrorCode, with room (tested)

constexpr std::array<LogTagInfo, 79> kTags = {{
    {"when", "", LogTag::when, kQuotes + kLocalTimeSize,
     "time of the line, local time, RFC 3339 with milliseconds"},
    {"when_utc_iso", "time_iso8601", LogTag::when_utc_iso, kQuotes + kUtcTimeSize,
     "the same in UTC"},
    {"when_unix", "", LogTag::when_unix, kNumber, "the same as milliseconds since 1970"},
    {"msec", "", LogTag::msec, kNumber, "the same as seconds since 1970: `1767319445.678`"},
    {"when_clf", "time_local", LogTag::when_clf, kQuotes + kClfTimeSize,
     "the same as the NCSA formats write it: `02/Jan/2026:03:04:05 +0100`"},
    {"remote", "remote_addr", LogTag::member, 0,
     "address at the other end of the connection, or what a [PROXY "
     "protocol](http.md#proxy-protocol) header says",
     HeaderId::other, &Exchange::peer_text},
    {"remote_port", "", LogTag::remote_port, kNumber, "its port"},
    {"client_ip", "", LogTag::member, 0,
     "address of the client: behind `trusted_proxies` what they say, else `{remote}`",
     HeaderId::other, &Exchange::client_text},
    {"forwarded_for", "proxy_add_x_forwarded_for", LogTag::member, 0,
     "the `X-Forwarded-For` that the backend gets: what trusted proxies said, and the peer",
     HeaderId::other, &Exchange::forwarded_for},
    {"connection_id", "connection", LogTag::connection_id, kNumber,
     "a number of the client's connection that no other one has while the process runs"},
    {"connection_requests", "", LogTag::connection_requests, kNumber,
     "how many requests came on it so far; 1 is the first"},
    {"connection_time", "", LogTag::connection_time, kNumber, "milliseconds since it speaks HTTP"},
    {"server", "server_name", LogTag::member, 0, "name of the `[servers.NAME]`", HeaderId::other,
     &Exchange::server},
    {"server_addr", "", LogTag::member, 0, "address of its listener", HeaderId::other,
     &Exchange::server_addr},
    {"server_port", "", LogTag::server_port, kNumber, "port of its listener"},
    {"location", "", LogTag::member, 0, "name of the `[locations.NAME]` that was chosen",
     HeaderId::other, &Exchange::location},
    {"upstream", "", LogTag::member, 0, "name of its `[upstreams.NAME]`", HeaderId::other,
     &Exchange::upstream},
    {"upstream_addr", "", LogTag::member, 0, "server of the upstream that was asked last",
     HeaderId::other, &Exchange::endpoint},
    {"upstream_status", "", LogTag::upstream_status, kNumber, "status that it answered"},
    {"upstream_reused", "", LogTag::upstream_reused, kNumber,
     "`true` when the connection to it had been used before"},
    {"processing_time", "", LogTag::processing_time, kNumber,
     "milliseconds from the complete request head until a server was chosen, without "
     "`{queue_time}`"},
    {"queue_time", "", LogTag::queue_time, kNumber,
     "milliseconds that the request waited for a server with room"},
    {"upstream_connect_time", "", LogTag::upstream_connect_time, kNumber,
     "milliseconds from choosing it until the request was handed to its connection"},
    {"upstream_response_time", "upstream_header_time", LogTag::upstream_response_time, kNumber,
     "milliseconds from then until the head of its answer was complete"},
    {"upstream_time", "", LogTag::upstream_time, kNumber,
     "milliseconds from choosing it until the end"},
    {"transfer_time", "", LogTag::transfer_time, kNumber,
     "milliseconds from the complete head of its answer until the end"},
    {"attempts", "", LogTag::attempts, kNumber,
     "how many times a server was asked; 0 when the proxy answered by itself"},
    {"retries", "", LogTag::retries, kNumber, "the same without the first time"},
    {"failed_tries", "", LogTag::member, 0,
     "the tries before the one at `{upstream_addr}`, or beside it, as "
     "`SERVER=REASON,SERVER=STATUS`; `hedged` where another was [faster](http.md#hedging), "
     "`raced` where an address of the other [family](discovery.md#names) was",
     HeaderId::other, &Exchange::failed_tries},
    {"tries", "upstream_tries", LogTag::tries, 0, "all tries, the last one too, in the same form"},
    {"request", "", LogTag::request, 0, "`{method} {uri} {proto}`: the request line"},
    {"method", "request_method", LogTag::method, 0, "method"},
    {"path", "", LogTag::path, 0,
     "path in its canonical form: the one that is matched and forwarded"},
    {"query", "args", LogTag::query, 0, "query without `?`"},
    {"uri", "", LogTag::uri, 0, "path and query; of a refused request as it was sent"},
    {"request_uri", "", LogTag::request_uri, 0, "path and query as the client sent them"},
    {"proto", "protocol", LogTag::proto, kNumber, "`HTTP/1.0`, `HTTP/1.1` or `HTTP/2.0`"},
    {"scheme", "", LogTag::member, 0, "`http` or `https`, behind `trusted_proxies` what they say",
     HeaderId::other, &Exchange::scheme},
    {"tls_version", "ssl_protocol", LogTag::member, 0,
     "version of TLS with the client: `TLSv1.3`; empty without", HeaderId::other,
     &Exchange::tls_version},
    {"tls_cipher", "ssl_cipher", LogTag::member, 0, "its cipher: `TLS_AES_128_GCM_SHA256`",
     HeaderId::other, &Exchange::tls_cipher},
    {"tls_client_subject", "", LogTag::member, 0, "whose certificate the client showed, if it did",
     HeaderId::other, &Exchange::tls_client_subject},
    {"tls_client_fingerprint", "", LogTag::member, 0, "SHA-256 of it, in hex", HeaderId::other,
     &Exchange::tls_client_fingerprint},
    {"tls_server_name", "ssl_server_name", LogTag::member, 0,
     "the name that the client asked for (SNI), in lower case", HeaderId::other,
     &Exchange::tls_server_name},
    {"host", "", LogTag::host, 0, "host in its canonical form, without port"},
    {"referer", "", LogTag::request_link, 0, "request header Referer", HeaderId::referer},
    {"user_agent", "", LogTag::request_header, 0, "request header User-Agent",
     HeaderId::user_agent},
    {"content_type", "", LogTag::request_header, 0, "request header Content-Type",
     HeaderId::content_type},
    {"content_length", "", LogTag::request_header, 0, "request header Content-Length",
     HeaderId::content_length},
    {"accept", "", LogTag::request_header, 0, "request header Accept", HeaderId::accept},
    {"accept_encoding", "", LogTag::request_header, 0, "request header Accept-Encoding",
     HeaderId::accept_encoding},
    {"origin", "", LogTag::request_header, 0, "request header Origin", HeaderId::origin},
    {"range", "", LogTag::request_header, 0, "request header Range", HeaderId::range},
    {"x_forwarded_for", "", LogTag::request_header, 0, "request header X-Forwarded-For, as it came",
     HeaderId::x_forwarded_for},
    {"remote_user", "", LogTag::known, 0,
     "who a plugin of [authentication](plugins-auth.md) says that it is: `$auth_user`",
     HeaderId::other, nullptr, "user"},
    {"grpc", "", LogTag::grpc, 0, "`true` of a call of gRPC, else `false`"},
    {"request_id", "", LogTag::request_id, 0,
     "the request's id where the configuration has one made, else the request header X-Request-ID",
     HeaderId::x_request_id},
    {"status", "", LogTag::status, kNumber,
     "status sent to the client; 499 when it left before there was one"},
    {"status_class", "", LogTag::status_class, 0, "`2xx`, `4xx` and so on"},
    {"reason", "error", LogTag::reason, kReason,
     "why the proxy refused, failed or gave up: a fixed word such as "
     "[`upstream_timeout`](errors.md)"},
    {"reason_side", "", LogTag::reason_side, kNumber,
     "where that was: `local`, `downstream` (client) or `upstream`"},
    {"termination", "", LogTag::termination, 0,
     "who ended the exchange and in which phase, in [two letters](errors.md#in-two-letters); `--` "
     "as it should be"},
    {"plugin", "", LogTag::member, 0,
     "the plugin that answered instead of the backend, or has failed", HeaderId::other,
     &Exchange::plugin},
    {"plugin_reason", "", LogTag::member, 0, "why it refused the request", HeaderId::other,
     &Exchange::plugin_reason},
    {"sent_content_type", "", LogTag::response_header, 0,
     "header Content-Type of the answer to the client", HeaderId::content_type},
    {"content_encoding", "", LogTag::response_header, 0,
     "its Content-Encoding: how it is compressed", HeaderId::content_encoding},
    {"cache_status", "", LogTag::response_header, 0, "its Cache-Status (RFC 9211)", HeaderId::other,
     nullptr, "cache-status"},
    {"redirect", "", LogTag::response_link, 0, "its Location: where it sends the client",
     HeaderId::location},
    {"size", "body_bytes_sent", LogTag::size, kNumber, "bytes of body sent to the client"},
    {"size_human", "", LogTag::size_human, kHuman, "the same as `1.5KiB`"},
    {"payload_size", "", LogTag::payload_size, kNumber, "bytes of body received from the client"},
    {"payload_size_human", "", LogTag::payload_size_human, kHuman, "the same as `1.5KiB`"},
    {"latency", "", LogTag::latency, kNumber,
     "milliseconds from the complete request head to the end"},
    {"latency_us", "", LogTag::latency_us, kNumber, "the same in microseconds"},
    {"latency_human", "", LogTag::latency_human, kHuman, "the same as `1.2ms`"},
    {"request_time", "", LogTag::request_time, kHuman, "the same in seconds: `0.012`"},
    {"compression_ratio", "", LogTag::compression_ratio, kNumber,
     "how many times as long the body was before `compression` encoded it: `4.2`"},
    {"compression_time", "", LogTag::compression_time, kNumber, "milliseconds that took: `1.5`"},
    {"trace_id", "", LogTag::trace_id, kQuotes + trace::kTraceIdSize,
     "the [trace](tracing.md) of the request, also where that is not sampled"},
    {"span_id", "", LogTag::span_id, kQuotes + trace::kSpanIdSize, "its span in the trace"},
}};

}  // namespace

std::span<const LogTagInfo> log_tags() noexcept {
  return kTags;
}

const LogTagInfo* find_log_tag(std::string_view name) noexcept {
  const auto* found = std::find_if(kTags.begin(), kTags.end(), [&](const LogTagInfo& info) {
    return info.name == name || (!name.empty() && info.variable == name);
  });
  return found == kTags.end() ? nullptr : found;
}

}  // namespace pingap::exchange
