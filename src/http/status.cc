#include "http/status.h"

#include <algorithm>
#include <array>

namespace pingap::http {
namespace {

struct Phrase {
  uint16_t status;
  std::string_view text;
};

constexpr Phrase kPhrases[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {102, "Processing"},
    {103, "Early Hints"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {207, "Multi-Status"},
    {208, "Already Reported"},
    {226, "IM Used"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {305, "Use Proxy"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {423, "Locked"},
    {424, "Failed Dependency"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {499, "Client Closed Request"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {506, "Variant Also Negotiates"},
    {507, "Insufficient Storage"},
    {508, "Loop Detected"},
    {510, "Not Extended"},
    {511, "Network Authentication Required"},
};
static_assert(std::ranges::is_sorted(kPhrases, {}, &Phrase::status));

}  // namespace

std::string_view reason_phrase(uint16_t status) noexcept {
  const auto* found = std::ranges::lower_bound(kPhrases, status, {}, &Phrase::status);
  return found != std::end(kPhrases) && found->status == status ? found->text : std::string_view{};
}

// A table, in the form that the compiler checks for completeness.
// NOLINTNEXTLINE(readability-function-size)
uint16_t status_for(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::none:
      return 200;
    case ErrorCode::bad_request_line:
    case ErrorCode::bad_method:
    case ErrorCode::bad_target:
    case ErrorCode::bad_header:
    case ErrorCode::bad_host:
    case ErrorCode::bad_content_length:
    case ErrorCode::bad_transfer_encoding:
    case ErrorCode::conflicting_framing:
    case ErrorCode::bad_chunk:
    case ErrorCode::bad_trailer:
    case ErrorCode::bad_connection_header:
    case ErrorCode::bad_websocket:
    case ErrorCode::bad_grpc_web:
    case ErrorCode::bad_proxy_header:
    case ErrorCode::h2_protocol:
    case ErrorCode::h2_frame_flood:
    case ErrorCode::h2_reset_flood:
    case ErrorCode::h2_head_flood:
      return 400;
    case ErrorCode::unauthorized:
      return 401;
    case ErrorCode::forbidden:
    case ErrorCode::forbidden_origin:
      return 403;
    case ErrorCode::rate_limited:
      return 429;
    case ErrorCode::plugin_failed:
    case ErrorCode::script_failed:
      return 500;
    case ErrorCode::no_route:
      return 404;
    case ErrorCode::method_not_allowed:
      return 405;
    case ErrorCode::header_timeout:
    case ErrorCode::body_timeout:
    case ErrorCode::body_too_slow:
    case ErrorCode::h2_settings_timeout:
      return 408;
    case ErrorCode::body_too_large:
      return 413;
    case ErrorCode::target_too_long:
      return 414;
    case ErrorCode::bad_expectation:
      return 417;
    case ErrorCode::too_many_headers:
    case ErrorCode::head_too_large:
      return 431;
    case ErrorCode::client_closed:
    case ErrorCode::client_reset:
    case ErrorCode::client_stalled:
    case ErrorCode::tunnel_idle:
      return 499;
    case ErrorCode::rewrite_failed:
    case ErrorCode::io:
    case ErrorCode::count_:
      return 500;
    case ErrorCode::unsupported_transfer_encoding:
    case ErrorCode::unsupported_protocol:
      return 501;
    case ErrorCode::upstream_refused:
    case ErrorCode::upstream_unreachable:
    case ErrorCode::upstream_closed:
    case ErrorCode::upstream_reset:
    case ErrorCode::upstream_stream_refused:
    case ErrorCode::upstream_bad_head:
    case ErrorCode::upstream_head_too_large:
    case ErrorCode::upstream_bad_framing:
    case ErrorCode::upstream_bad_upgrade:
    case ErrorCode::upstream_too_many_interim:
    case ErrorCode::upstream_truncated:
    case ErrorCode::upstream_tls:
    case ErrorCode::upstream_certificate:
    case ErrorCode::upstream_tls_files:
    case ErrorCode::upstream_protocol:
    case ErrorCode::upstream_bad_status:
      return 502;
    case ErrorCode::no_upstream:
    case ErrorCode::upstream_unresolved:
    case ErrorCode::upstream_limit:
    case ErrorCode::upstream_out:
    case ErrorCode::queue_timeout:
    case ErrorCode::shutting_down:
    case ErrorCode::buffer_full:
    case ErrorCode::out_of_descriptors:
      return 503;
    case ErrorCode::deadline_exceeded:
    case ErrorCode::upstream_connect_timeout:
    case ErrorCode::upstream_tls_timeout:
    case ErrorCode::upstream_timeout:
    case ErrorCode::upstream_idle_timeout:
    case ErrorCode::upstream_write_timeout:
      return 504;
    case ErrorCode::version_not_supported:
      return 505;
    case ErrorCode::misdirected:
      return 421;
    case ErrorCode::loop_detected:
      return 508;
  }
  return 500;
}

}  // namespace pingap::http
