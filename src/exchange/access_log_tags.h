// The tags of access-log formats and what a compiled format is made of.
#pragma once

#include <array>
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
  termination,
  status_class,
  argument,
  known,  // $auth_NAME
  grpc,
  // numbers
  status,
  size,
  payload_size,
  latency,
  latency_us,
  attempts,
  when_unix,
  retries,
  // numbers of which 0 means that there is none
  upstream_status,
  remote_port,
  server_port,
  connection_id,
  connection_requests,
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
  compression_ratio,
  compression_time,
  upstream_time,
  transfer_time,
  processing_time,
  queue_time,
  connection_time,
  request_time,
  msec,
  request_uri,
  request,
  tries,
  trace_id,
  span_id,
  none,  // behind the last literal
};
inline constexpr LogTag kFirstNumber = LogTag::status;
inline constexpr LogTag kFirstNumberOrNothing = LogTag::upstream_status;
inline constexpr LogTag kFirstOther = LogTag::when;

struct LogTagInfo {
  std::string_view name;
  std::string_view variable;  // $name is one always; another name, may be empty
  LogTag tag;
  uint8_t max_size;  // bytes of its value; 0 = text of any length
  std::string_view about;
  http::HeaderId header = http::HeaderId::other;
  std::string_view Exchange::* member = nullptr;
  std::string_view header_name = {};  // of a header without an id
};

// All tags but those of families ({~cookie}, {>header}, {<header}, {$ENV}, $http_NAME, ...) and
// {hostname}. In the order of the documentation, whose table is made of it.
std::span<const LogTagInfo> log_tags() noexcept;
// By its name or as a variable; null where there is none.
const LogTagInfo* find_log_tag(std::string_view name) noexcept;

// Values of these headers are secrets: "***" stands in the log (security.md LG-04).
bool is_secret_header(std::string_view name) noexcept;
// The same of a parameter of the query.
bool is_secret_parameter(std::string_view name) noexcept;

// Where a secret stands in a query: the value of a parameter with a telling name.
struct SecretPlace {
  size_t begin = std::string_view::npos;  // npos: there is none
  size_t end = 0;
};

// Lists of secrets: what plugins know of this request, and what the configuration says.
using SecretLists = std::array<const SecretName*, 2>;

// Whether a list has a secret of this kind and name.
bool is_listed(const SecretLists& lists, SecretName::In in, std::string_view name) noexcept;

// The first one at or behind `from`; also of a parameter that `more` lists.
SecretPlace find_secret(std::string_view query, size_t from, const SecretLists& more = {}) noexcept;

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
