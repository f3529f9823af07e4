// What can go wrong with a message, as a value of 24 bytes without heap.
// Used on every thread. The names are public: they stand in the access log as `reason`.
#pragma once

#include <cstdint>
#include <string_view>

#include <tl/expected.hpp>

namespace pingap {

// Each code is one reason an operator can look up in docs/errors.md. Keep the order of groups.
enum class ErrorCode : uint8_t {
  none,
  // The client's message was refused.
  bad_request_line,
  bad_method,
  bad_target,
  target_too_long,
  version_not_supported,
  bad_header,
  too_many_headers,
  head_too_large,
  bad_host,
  bad_content_length,
  bad_transfer_encoding,
  unsupported_transfer_encoding,
  conflicting_framing,
  bad_chunk,
  bad_trailer,
  bad_connection_header,
  bad_expectation,
  method_not_allowed,
  body_too_large,
  header_timeout,
  body_timeout,
  body_too_slow,
  bad_websocket,
  forbidden_origin,
  bad_grpc_web,
  unsupported_protocol,
  bad_proxy_header,
  h2_protocol,
  h2_frame_flood,
  h2_reset_flood,
  h2_head_flood,
  h2_settings_timeout,
  misdirected,
  // Ours.
  no_route,
  no_upstream,
  rewrite_failed,
  loop_detected,
  out_of_descriptors,
  deadline_exceeded,
  buffer_full,
  shutting_down,
  // A plugin's.
  unauthorized,
  forbidden,
  rate_limited,
  plugin_failed,
  script_failed,
  // The client went away or stalled.
  client_closed,
  client_reset,
  client_stalled,
  // The backend.
  upstream_unresolved,
  upstream_refused,
  upstream_unreachable,
  upstream_connect_timeout,
  upstream_tls_timeout,
  upstream_tls,
  upstream_certificate,
  upstream_tls_files,
  upstream_protocol,
  upstream_limit,
  upstream_out,
  queue_timeout,
  upstream_bad_status,
  upstream_closed,
  upstream_reset,
  upstream_stream_refused,
  upstream_timeout,
  upstream_idle_timeout,
  upstream_write_timeout,
  upstream_bad_head,
  upstream_head_too_large,
  upstream_bad_framing,
  upstream_bad_upgrade,
  upstream_too_many_interim,
  upstream_truncated,
  tunnel_idle,
  // Anything a system call said.
  io,
  count_,
};

// The stable, lower-case name of a code ("bad_host"); "-" for none.
std::string_view to_string(ErrorCode code) noexcept;

enum class Side : uint8_t { local, downstream, upstream };

// Whether the request may be sent again: `safe` = the backend cannot have seen it;
// `if_reused` = a kept-alive connection died before the first answer byte (RFC 9112 9.3.1).
enum class Retry : uint8_t { never, if_reused, safe };

struct Error {
  ErrorCode code = ErrorCode::none;
  Side side = Side::local;
  Retry retry = Retry::never;
  int sys = 0;                   // errno of the call that failed, 0 if none
  const char* detail = nullptr;  // static text, may be null

  explicit operator bool() const noexcept { return code != ErrorCode::none; }
};

template <class T = void>
using Result = tl::expected<T, Error>;

// Says whether a piece of a message is its last.
enum class End : bool { no, yes };

}  // namespace pingap
