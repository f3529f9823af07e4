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
  request_link,  // a header that has addresses
  response_link,
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
