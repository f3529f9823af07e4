#include "config/address.h"

#include <algorithm>
#include <array>
#include <optional>
#include <sys/un.h>

#include <fmt/format.h>

#include "base/ip.h"
#include "base/strings.h"
#include "config/suggest.h"

namespace pingap::config {
namespace {

constexpr std::string_view kForms = R"("host:port", "[::1]:port" or "unix:/path")";
constexpr std::string_view kUnix = "unix:";

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), to_lower);
  return out;
}

std::string canonical(const IpAddress& ip) {
  std::array<char, 46> room{};
  return std::string(ip.format(room.data()));
}

bool looks_numeric(std::string_view host) noexcept {
  return std::ranges::all_of(host, [](char c) { return is_digit(c) || c == '.'; });
}

Parsed<Endpoint> parse_unix(std::string_view path) {
  // One byte of sun_path is the NUL at its end.
  constexpr size_t kMax = sizeof(sockaddr_un::sun_path) - 1;
  if (!path.starts_with('/') || path.size() < 2) {
    return problem("a unix socket needs an absolute path", R"("unix:/path")");
  }
  if (path.size() > kMax) {
    return problem("the path of the unix socket is too long",
                   fmt::format("at most {} bytes", kMax));
  }
  return Endpoint{HostKind::unix_path, std::string(path), 0};
}

Parsed<uint16_t> parse_port(std::string_view text, PortZero zero) {
  const auto port = parse_decimal(text);
  if (!port || (*port == 0 && zero == PortZero::refused) || *port > 65535) {
    return problem(quote(text) + " is not a port", "1 to 65535");
  }
  return static_cast<uint16_t>(*port);
}

// `text` starts with '['.
Parsed<Endpoint> parse_bracketed(std::string_view text, PortZero zero) {
  const size_t close = text.find(']');
  const std::string_view inside = text.substr(1, close == std::string_view::npos ? 0 : close - 1);
  const auto ip = IpAddress::parse(inside);
  if (!ip || inside.find(':') == std::string_view::npos) {
    return problem(quote(text) + " is not an address", std::string(kForms));
  }
  Endpoint endpoint{ip->size == 4 ? HostKind::ipv4 : HostKind::ipv6, canonical(*ip), kDefaultPort};
  const std::string_view rest = text.substr(close + 1);
  if (rest.empty()) {
    return endpoint;
  }
  if (!rest.starts_with(':')) {
    return problem(quote(text) + " is not an address", std::string(kForms));
  }
  const auto port = parse_port(rest.substr(1), zero);
  if (!port) {
    return tl::make_unexpected(port.error());
  }
  endpoint.port = *port;
  return endpoint;
}

Parsed<Endpoint> classify(std::string_view host, std::string_view text) {
  if (looks_numeric(host) && !host.empty()) {
    const auto ip = IpAddress::parse(host);
    if (!ip) {
      return problem(quote(host) + " is not an IPv4 address", "four numbers from 0 to 255");
    }
    return Endpoint{HostKind::ipv4, canonical(*ip), kDefaultPort};
  }
  if (!is_host_name(host)) {
    return problem(quote(text) + " is not an address", std::string(kForms));
  }
  return Endpoint{HostKind::name, lower(host), kDefaultPort};
}

}  // namespace

std::string Endpoint::to_string() const {
  switch (kind) {
    case HostKind::unix_path:
      return fmt::format("{}{}", kUnix, host);
    case HostKind::ipv6:
      return fmt::format("[{}]:{}", host, port);
    case HostKind::ipv4:
    case HostKind::name:
      break;
  }
  return fmt::format("{}:{}", host, port);
}

bool is_host_name(std::string_view text) noexcept {
  if (text.ends_with('.')) {
    text.remove_suffix(1);
  }
  if (text.empty() || text.size() > 253) {
    return false;
  }
  size_t label = 0;
  for (const char c : text) {
    if (c == '.') {
      if (label == 0) {
        return false;
      }
      label = 0;
      continue;
    }
    const bool letter = to_lower(c) >= 'a' && to_lower(c) <= 'z';
    if ((!letter && !is_digit(c) && c != '-' && c != '_') || ++label > 63) {
      return false;
    }
  }
  return label > 0;
}

Parsed<Endpoint> parse_endpoint(std::string_view text, PortZero zero) {
  if (text.starts_with(kUnix)) {
    return parse_unix(text.substr(kUnix.size()));
  }
  if (text.starts_with('/')) {
    return problem(quote(text) + " is not an address", std::string(kForms),
                   fmt::format("did you mean \"unix:{}\"?", text));
  }
  if (const size_t scheme = text.find("://"); scheme != std::string_view::npos) {
    const std::string_view rest = text.substr(scheme + 3);
    return problem(quote(text) + " is not an address", std::string(kForms),
                   fmt::format("leave out the scheme: \"{}\"", rest.substr(0, rest.find('/'))));
  }
  if (text.starts_with('[')) {
    return parse_bracketed(text, zero);
  }
  const size_t colon = text.find(':');
  if (colon != text.rfind(':')) {
    const auto ip = IpAddress::parse(text);
    return problem(quote(text) + " is not an address", std::string(kForms),
                   ip ? R"(an IPv6 address needs brackets, such as "[::1]:80")" : "");
  }
  auto endpoint = classify(text.substr(0, colon), text);
  if (endpoint && colon != std::string_view::npos) {
    const auto port = parse_port(text.substr(colon + 1), zero);
    if (!port) {
      return tl::make_unexpected(port.error());
    }
    endpoint->port = *port;
  }
  return endpoint;
}

Parsed<Endpoint> parse_listen_address(std::string_view text) {
  constexpr std::string_view kListen = R"("0.0.0.0:80", "[::]:80" or "unix:/path")";
  // ":80" and "*:80" of other programs, and a port alone.
  const bool any_host = text.starts_with(':') || text.starts_with("*:");
  const std::string_view port = any_host ? text.substr(text.find(':') + 1) : text;
  if (any_host || parse_decimal(text)) {
    return problem(quote(text) + " is not an address to listen on", std::string(kListen),
                   fmt::format("write \"0.0.0.0:{0}\", \"[::]:{0}\" or both", port));
  }
  auto endpoint = parse_endpoint(text, PortZero::allowed);
  if (endpoint && endpoint->kind == HostKind::name) {
    return problem(
        quote(text) + " is a name, not an address to listen on", std::string(kListen),
        endpoint->host == "localhost"
            ? fmt::format("write \"127.0.0.1:{0}\", \"[::1]:{0}\" or both", endpoint->port)
            : "");
  }
  return endpoint;
}

Parsed<Endpoint> parse_backend_address(std::string_view text, uint16_t fallback) {
  auto endpoint = parse_endpoint(text);
  if (endpoint && endpoint->kind != HostKind::unix_path &&
      (text.ends_with(']') || text.find(':') == std::string_view::npos)) {
    endpoint->port = fallback;
  }
  if (!endpoint || endpoint->kind == HostKind::name || endpoint->kind == HostKind::unix_path) {
    return endpoint;
  }
  const auto ip = IpAddress::parse(endpoint->host);
  const uint8_t first = ip ? ip->bytes[0] : 0;
  const bool none = ip && *ip == IpAddress{{}, ip->size};
  // Multicast is 224.0.0.0/4 (above it: reserved and broadcast) and ff00::/8.
  const bool many = ip && (ip->size == 4 ? first >= 224 : first == 0xff);
  if (none || many) {
    return problem(quote(text) + " is not the address of one host", {},
                   none ? "for this machine write \"127.0.0.1\"" : "");
  }
  return endpoint;
}

}  // namespace pingap::config
