// The tags of access-log formats and what a compiled format is made of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "exchange/exchange.h"
#include "http/header_id.h"

namespace pingap::exchange {

// Ordered by how the value is written: the ranges below are faster told apart than a table's
// entries.
enum class LogTag : uint8_t {
  // text
  member,  // of Exchange
  request_header,
  request_id,
  response_header,
  method,
  proto,
  host,
  path,
  reason,
  reason_side,
  // numbers
  status,
  size,
  payload_size,
  latency,
  latency_us,
  attempts,
  when_unix,
  // numbers of which 0 means that there is none
  upstream_status,
  remote_port,
  server_port,
  // each in its own way
  when,
  when_utc_iso,
  when_clf,
  uri,
  query,
  referer,
  cookie,
  size_human,
  payload_size_human,
  latency_human,
  upstream_reused,
  upstream_connect_time,
  upstream_response_time,
  trace_id,
  span_id,
  none,  // behind the last literal
};
inline constexpr LogTag kFirstNumber = LogTag::status;
inline constexpr LogTag kFirstNumberOrNothing = LogTag::upstream_status;
inline constexpr LogTag kFirstOther = LogTag::when;

struct LogTagInfo {
  std::string_view name;
  LogTag tag;
  uint8_t max_size;  // bytes of its value; 0 = text of any length
  http::HeaderId header = http::HeaderId::other;
  std::string_view Exchange::* member = nullptr;
};

// All {tag}s but the prefixed ones ({~cookie}, {>header}, {<header}, {$ENV}) and {hostname}.
std::span<const LogTagInfo> log_tags() noexcept;
const LogTagInfo* find_log_tag(std::string_view name) noexcept;

// Values of these headers are secrets: "***" stands in the log (security.md LG-04).
bool is_secret_header(std::string_view name) noexcept;

// Where a secret stands in a query: the value of a parameter with a telling name.
struct SecretPlace {
  size_t begin = std::string_view::npos;  // npos: there is none
  size_t end = 0;
};

// The first one at or behind `from`; also of a parameter that `more` lists.
SecretPlace find_secret(std::string_view query, size_t from,
                        const SecretName* more = nullptr) noexcept;

// One step of a compiled format: a literal, then a value.
struct LogOp {
  uint32_t literal = 0;  // in the format's text, as is `name`
  uint32_t literal_size = 0;
  LogTag tag = LogTag::none;
  bool secret = false;                            // a header whose value is not shown
  http::HeaderId header = http::HeaderId::other;  // of a header tag; `other`: by name
  uint32_t rest = 0;                              // bytes that what follows needs at least
  uint32_t name = 0;
  uint32_t name_size = 0;
  std::string_view Exchange::* member = nullptr;
};

}  // namespace pingap::exchange
