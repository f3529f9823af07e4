// Addresses as the configuration writes them, checked for form; nothing is resolved here.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "config/problem.h"

namespace pingap::config {

enum class HostKind : uint8_t { ipv4, ipv6, name, unix_path };

struct Endpoint {
  HostKind kind = HostKind::name;
  std::string host;   // lower case; an IPv6 address without brackets; the path of a unix socket
  uint16_t port = 0;  // 0 for a unix socket

  // One spelling for one address, the port always there: "1.2.3.4:80", "[::1]:80", "unix:/path".
  std::string to_string() const;
};

inline constexpr uint16_t kDefaultPort = 80;

enum class PortZero : bool { refused, allowed };

// "host:port", "host", "[::1]:80", "unix:/path".
Parsed<Endpoint> parse_endpoint(std::string_view text, PortZero zero = PortZero::refused);

// The same for a socket to listen on: an IP address or a unix socket. Port 0 lets the system
// choose.
Parsed<Endpoint> parse_listen_address(std::string_view text);

// The same for a backend: also names, but no address that is no single host (0.0.0.0, multicast).
Parsed<Endpoint> parse_backend_address(std::string_view text, uint16_t fallback = kDefaultPort);

// Whether the text is a host name: letters, digits, '-' and '_' in labels of at most 63 bytes.
bool is_host_name(std::string_view text) noexcept;

}  // namespace pingap::config
