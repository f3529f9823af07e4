// Known header names as small numbers with policy bits: a known name is compared, dropped or
// looked up by its id, never by its text.
#pragma once

#include <cstdint>
#include <string_view>

namespace pingap::http {

// `other` is every name without an id. The order is free; header_id.cc holds name and policy.
enum class HeaderId : uint8_t {
  other,
  accept,
  accept_encoding,
  accept_language,
  accept_ranges,
  access_control_allow_origin,
  age,
  allow,
  authorization,
  baggage,
  cache_control,
  connection,
  content_disposition,
  content_encoding,
  content_language,
  content_length,
  content_location,
  content_range,
  content_security_policy,
  content_type,
  cookie,
  date,
  etag,
  expect,
  expires,
  forwarded,
  host,
  http2_settings,
  if_match,
  if_modified_since,
  if_none_match,
  if_range,
  if_unmodified_since,
  keep_alive,
  last_modified,
  link,
  location,
  max_forwards,
  origin,
  pragma,
  priority,
  proxy,
  proxy_authenticate,
  proxy_authorization,
  proxy_connection,
  range,
  referer,
  retry_after,
  sec_websocket_accept,
  sec_websocket_extensions,
  sec_websocket_key,
  sec_websocket_protocol,
  sec_websocket_version,
  server,
  set_cookie,
  strict_transport_security,
  te,
  traceparent,
  tracestate,
  trailer,
  transfer_encoding,
  upgrade,
  user_agent,
  vary,
  via,
  www_authenticate,
  x_forwarded_for,
  x_forwarded_host,
  x_forwarded_port,
  x_forwarded_prefix,
  x_forwarded_proto,
  x_real_ip,
  x_request_id,
  count_,
};

// Policy bits of a known name.
enum HeaderPolicy : uint8_t {
  kHopByHop = 1,    // never forwarded (RFC 9110 7.6.1), nor is `Proxy` (httpoxy)
  kForwarding = 2,  // client address and kin: rewritten by us (security.md rule X)
  kConnSafe = 4,    // may not be deleted by naming it in Connection (rule H)
  kNoTrailer = 8,   // never passed as a trailer (RFC 9110 6.5.1, rule T)
  kFromHead = 16,   // said by members of the head: codecs write it from these, whatever was sent
  kTrace = 32,      // says which trace the request belongs to: ours where there is [tracing]
  kBaggage = 64,    // goes with a trace
};

// The id of a name in any case; `other` when it has none.
HeaderId find_header_id(std::string_view name) noexcept;
// The name as usually written, e.g. "Content-Length"; empty for `other`.
std::string_view header_name(HeaderId id) noexcept;
// The same in lower case, as HTTP/2 has it.
std::string_view lower_header_name(HeaderId id) noexcept;
uint8_t header_policy(HeaderId id) noexcept;

}  // namespace pingap::http
