#include "proxy/proxy_status.h"

#include "base/strings.h"

namespace pingap::proxy {

std::string_view proxy_error_type(ErrorCode why) noexcept {
  switch (why) {
    case ErrorCode::upstream_unresolved:
      return "dns_error";
    case ErrorCode::no_route:
    case ErrorCode::misdirected:
      return "destination_not_found";
    case ErrorCode::no_upstream:
    case ErrorCode::upstream_out:
      return "destination_unavailable";
    case ErrorCode::upstream_unreachable:
      return "destination_ip_unroutable";
    case ErrorCode::upstream_refused:
      return "connection_refused";
    case ErrorCode::upstream_closed:
    case ErrorCode::upstream_reset:
    case ErrorCode::upstream_stream_refused:
      return "connection_terminated";
    case ErrorCode::upstream_connect_timeout:
    case ErrorCode::upstream_tls_timeout:
      return "connection_timeout";
    case ErrorCode::upstream_write_timeout:
      return "connection_write_timeout";
    case ErrorCode::upstream_limit:
    case ErrorCode::queue_timeout:
      return "connection_limit_reached";
    case ErrorCode::upstream_tls:
      return "tls_protocol_error";
    case ErrorCode::upstream_certificate:
      return "tls_certificate_error";
    case ErrorCode::upstream_timeout:
    case ErrorCode::upstream_idle_timeout:
    case ErrorCode::deadline_exceeded:
      return "http_response_timeout";
    case ErrorCode::upstream_truncated:
      return "http_response_incomplete";
    case ErrorCode::upstream_head_too_large:
      return "http_response_header_section_size";
    case ErrorCode::upstream_bad_upgrade:
      return "http_upgrade_failed";
    case ErrorCode::upstream_protocol:
    case ErrorCode::upstream_bad_head:
    case ErrorCode::upstream_bad_framing:
    case ErrorCode::upstream_bad_status:
    case ErrorCode::upstream_too_many_interim:
      return "http_protocol_error";
    case ErrorCode::unauthorized:
    case ErrorCode::forbidden:
    case ErrorCode::rate_limited:
    case ErrorCode::forbidden_origin:
    case ErrorCode::method_not_allowed:
      return "http_request_denied";
    case ErrorCode::loop_detected:
      return "proxy_loop_detected";
    case ErrorCode::rewrite_failed:
    case ErrorCode::upstream_tls_files:
      return "proxy_configuration_error";
    case ErrorCode::out_of_descriptors:
    case ErrorCode::buffer_full:
    case ErrorCode::shutting_down:
    case ErrorCode::plugin_failed:
    case ErrorCode::io:
      return "proxy_internal_error";
    default:
      return "http_request_error";  // what the client sent
  }
}

std::string_view proxy_status(std::string_view name, ErrorCode why, Arena& arena) noexcept {
  // A token of structured fields begins with a letter (RFC 8941 3.3.4); others are strings.
  const char first = name.empty() ? '\0' : to_lower(name.front());
  const std::string_view quote = first >= 'a' && first <= 'z' ? "" : "\"";
  return arena.concat(quote, name, quote, "; error=", proxy_error_type(why), "; details=\"",
                      to_string(why), "\"");
}

}  // namespace pingap::proxy
