#include "base/error.h"

#include <array>

namespace pingap {
namespace {

constexpr std::array<std::string_view, static_cast<size_t>(ErrorCode::count_)> kNames = {
    "-",
    "bad_request_line",
    "bad_method",
    "bad_target",
    "target_too_long",
    "version_not_supported",
    "bad_header",
    "too_many_headers",
    "head_too_large",
    "bad_host",
    "bad_content_length",
    "bad_transfer_encoding",
    "unsupported_transfer_encoding",
    "conflicting_framing",
    "bad_chunk",
    "bad_trailer",
    "bad_connection_header",
    "bad_expectation",
    "method_not_allowed",
    "body_too_large",
    "header_timeout",
    "body_timeout",
    "body_too_slow",
    "bad_websocket",
    "forbidden_origin",
    "bad_grpc_web",
    "unsupported_protocol",
    "bad_proxy_header",
    "h2_protocol",
    "h2_frame_flood",
    "h2_reset_flood",
    "h2_head_flood",
    "h2_settings_timeout",
    "misdirected",
    "no_route",
    "no_upstream",
    "rewrite_failed",
    "loop_detected",
    "out_of_descriptors",
    "deadline_exceeded",
    "buffer_full",
    "shutting_down",
    "unauthorized",
    "forbidden",
    "rate_limited",
    "plugin_failed",
    "script_failed",
    "client_closed",
    "client_reset",
    "client_stalled",
    "upstream_unresolved",
    "upstream_refused",
    "upstream_unreachable",
    "upstream_connect_timeout",
    "upstream_tls_timeout",
    "upstream_tls",
    "upstream_certificate",
    "upstream_protocol",
    "upstream_limit",
    "upstream_out",
    "queue_timeout",
    "upstream_bad_status",
    "upstream_closed",
    "upstream_reset",
    "upstream_stream_refused",
    "upstream_timeout",
    "upstream_idle_timeout",
    "upstream_write_timeout",
    "upstream_bad_head",
    "upstream_head_too_large",
    "upstream_bad_framing",
    "upstream_bad_upgrade",
    "upstream_too_many_interim",
    "upstream_truncated",
    "tunnel_idle",
    "io",
};
static_assert(!kNames.back().empty(), "every ErrorCode has a name");

}  // namespace

std::string_view to_string(ErrorCode code) noexcept {
  return kNames[static_cast<size_t>(code)];
}

}  // namespace pingap
