#include "http/h1/authority.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>

#include "base/strings.h"

namespace pingap::http::h1 {
namespace {

enum class HostByte : uint8_t { bad, plain, dot };

// unreserved and sub-delims (RFC 3986 2.2, 2.3) but ',': proxies read "a,b" as two hosts.
constexpr auto kHostBytes = [] {
  std::array<HostByte, 256> table{};
  for (unsigned c = 0; c < 128; ++c) {
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
      table[c] = HostByte::plain;
    }
  }
  for (const char c : {'-', '_', '~', '!', '$', '&', '\'', '(', ')', '*', '+', ';', '='}) {
    table[static_cast<unsigned char>(c)] = HostByte::plain;
  }
  table['.'] = HostByte::dot;
  return table;
}();

// The length of a reg-name or IPv4 address at the start of `text`; 0 for a host that is empty or
// has an empty label (a last dot is fine).
size_t reg_name_size(std::string_view text) noexcept {
  size_t label = 0;
  size_t i = 0;
  for (; i < text.size(); ++i) {
    const HostByte kind = kHostBytes[static_cast<unsigned char>(text[i])];
    if (kind == HostByte::plain) [[likely]] {
      continue;
    }
    if (kind == HostByte::bad) {
      break;
    }
    if (i == label) {
      return 0;
    }
    label = i + 1;
  }
  return i;
}

// The length of "[" IPv6address "]" at the start of `text`, or 0.
size_t ip_literal_size(std::string_view text) noexcept {
  const size_t close = text.find(']');
  std::array<char, INET6_ADDRSTRLEN> address{};
  if (close == std::string_view::npos || close > address.size()) {
    return 0;
  }
  std::copy_n(text.data() + 1, close - 1, address.data());
  in6_addr ignored{};
  return ::inet_pton(AF_INET6, address.data(), &ignored) == 1 ? close + 1 : 0;
}

bool is_port(std::string_view text) noexcept {
  if (text.size() > 5) {
    return false;
  }
  const auto port = parse_decimal(text);
  return port.has_value() && *port <= 65535;
}

}  // namespace

bool split_authority(std::string_view text, Authority& out) noexcept {
  if (text.empty()) {
    return false;
  }
  const size_t size = text.front() == '[' ? ip_literal_size(text) : reg_name_size(text);
  if (size == 0) {
    return false;
  }
  out.host = text.substr(0, size);
  if (size == text.size()) {
    out.port = {};
    return true;
  }
  out.port = text.substr(size + 1);
  return text[size] == ':' && is_port(out.port);
}

}  // namespace pingap::http::h1
