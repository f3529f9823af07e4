// The PROXY protocol, versions 1 and 2 (HAProxy's proxy-protocol.txt): a proxy before us says, in
// front of everything else, who its client is, and so do we to backends. Pure; any thread.
//
// The header ends where its own length says: what follows is never looked at, and none of it needs
// to be there.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/ip.h"

namespace pingap::net {

enum class ProxyVersion : uint8_t { v1, v2 };

struct IpPort {
  IpAddress ip;  // size 0: none
  uint16_t port = 0;
};

enum class ProxyStatus : uint8_t { complete, incomplete, failed };

// What stands at the front of a connection.
struct ProxyParse {
  ProxyStatus status = ProxyStatus::incomplete;
  size_t size = 0;  // bytes of the header, where complete
  IpPort client{};  // none: the address of the socket holds
};

// Bytes of the longest header of version 1, CRLF included (2.1).
inline constexpr size_t kProxyV1Max = 107;

// `bytes` are all there are so far; a header of version 2 longer than `most` has failed. Without an
// address are LOCAL and UNKNOWN (health checks of the proxy itself), addresses of unix sockets and
// of datagrams. Extensions (TLV) are skipped; they must fit.
ProxyParse parse_proxy_header(std::string_view bytes, size_t most) noexcept;

// Room for what write_proxy_header() writes.
using ProxyHeaderRoom = std::array<char, kProxyV1Max>;

// The header that says that `client` has connected to `server`, in `room`. A client without an IP
// address is unknown. A server whose address is not of the client's family is written as the
// unspecified one of that, since the protocol has one family for both.
std::string_view write_proxy_header(ProxyVersion version, const IpPort& client, IpPort server,
                                    ProxyHeaderRoom& room) noexcept;

}  // namespace pingap::net
