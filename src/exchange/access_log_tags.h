// The tags of access-log formats and what a compiled format is made of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "http/header_id.h"

namespace pingap::exchange {

enum class LogTag : uint8_t {
  literal,
  cookie,
  request_header,
  response_header,
  when,
  when_utc_iso,
  when_unix,
  when_clf,
  remote,
  remote_port,
  client_ip,
  server,
  server_addr,
  server_port,
  location,
  upstream,
  upstream_addr,
  upstream_status,
  upstream_reused,
  upstream_connect_time,
  upstream_response_time,
  attempts,
  method,
  path,
  query,
  uri,
  proto,
  scheme,
  host,
  referer,
  user_agent,
  request_id,
  status,
  reason,
  reason_side,
  size,
  size_human,
  payload_size,
  payload_size_human,
  latency,
  latency_us,
  latency_human,
};

struct LogTagInfo {
  std::string_view name;
  LogTag tag;
  uint8_t max_size;  // bytes of its value; 0 = text of any length
};

// All {tag}s but the prefixed ones ({~cookie}, {>header}, {<header}, {$ENV}) and {hostname}.
std::span<const LogTagInfo> log_tags() noexcept;
const LogTagInfo* find_log_tag(std::string_view name) noexcept;

// Values of these headers are secrets: "***" stands in the log (security.md LG-04).
bool is_secret_header(std::string_view name) noexcept;
// The same for query parameters, in the request's URI and in Referer.
bool is_secret_parameter(std::string_view name) noexcept;

// One step of a compiled format.
struct LogOp {
  LogTag tag;
  http::HeaderId header;  // where the tag is a header; `other`: by name
  uint32_t begin;         // literal or name, in the format's text
  uint32_t size;
  uint32_t rest;  // bytes that what follows needs at least
};

}  // namespace pingap::exchange
