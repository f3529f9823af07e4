#include "proxy/proxy_status.h"

#include <array>
#include <set>
#include <span>
#include <string_view>

#include <gtest/gtest.h>

namespace pingap::proxy {
namespace {

TEST(ProxyStatus, IsAListOfOneItem) {
  std::array<char, 1024> block;
  Arena arena{std::span<char>(block)};
  EXPECT_EQ(proxy_status("pingap", ErrorCode::upstream_refused, arena),
            "pingap; error=connection_refused; details=\"upstream_refused\"");
  EXPECT_EQ(proxy_status("9lives", ErrorCode::no_route, arena),
            "\"9lives\"; error=destination_not_found; details=\"no_route\"");
}

TEST(ProxyStatus, HasATypeOfTheRegistryForEachReason) {
  // RFC 9209 2.3.
  const std::set<std::string_view> registry = {"dns_timeout",
                                               "dns_error",
                                               "destination_not_found",
                                               "destination_unavailable",
                                               "destination_ip_prohibited",
                                               "destination_ip_unroutable",
                                               "connection_refused",
                                               "connection_terminated",
                                               "connection_timeout",
                                               "connection_read_timeout",
                                               "connection_write_timeout",
                                               "connection_limit_reached",
                                               "tls_protocol_error",
                                               "tls_certificate_error",
                                               "tls_alert_received",
                                               "http_request_error",
                                               "http_request_denied",
                                               "http_response_incomplete",
                                               "http_response_header_section_size",
                                               "http_response_header_size",
                                               "http_response_body_size",
                                               "http_response_trailer_section_size",
                                               "http_response_trailer_size",
                                               "http_response_transfer_coding",
                                               "http_response_content_coding",
                                               "http_response_timeout",
                                               "http_upgrade_failed",
                                               "http_protocol_error",
                                               "proxy_internal_response",
                                               "proxy_internal_error",
                                               "proxy_configuration_error",
                                               "proxy_loop_detected"};
  for (size_t i = 1; i < static_cast<size_t>(ErrorCode::count_); ++i) {
    const auto code = static_cast<ErrorCode>(i);
    EXPECT_TRUE(registry.contains(proxy_error_type(code))) << to_string(code);
  }
}

}  // namespace
}  // namespace pingap::proxy
