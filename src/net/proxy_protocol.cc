#include "net/proxy_protocol.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

#include "base/strings.h"
#include "net/address.h"

namespace pingap::net {
namespace {

constexpr std::string_view kV1 = "PROXY ";
constexpr std::string_view kUnknown = "PROXY UNKNOWN";
constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);  // of version 2 (2.2)
constexpr size_t kFixed = 16;       // version 2: signature, command, family, length
constexpr size_t kTlvHead = 3;      // type and length
constexpr uint8_t kLocal = 0x20;    // version 2, command LOCAL
constexpr uint8_t kProxied = 0x21;  // version 2, command PROXY
constexpr uint8_t kTcp4 = 0x11;
constexpr uint8_t kTcp6 = 0x21;
constexpr size_t kV4 = 4;
constexpr size_t kV6 = 16;

ProxyParse failed() noexcept {
  return {.status = ProxyStatus::failed};
}

ProxyParse complete(size_t size) noexcept {
  return {.status = ProxyStatus::complete, .size = size};
}

uint8_t byte_at(std::string_view bytes, size_t at) noexcept {
  return static_cast<uint8_t>(bytes[at]);
}

uint16_t number_at(std::string_view bytes, size_t at) noexcept {
  return static_cast<uint16_t>(byte_at(bytes, at) << 8 | byte_at(bytes, at + 1));
}

// ---- version 1: a line ----

// Takes the word before the next blank, or all of it where `last`. Two blanks make an empty word,
// which nothing takes.
std::string_view take_word(std::string_view& line, bool last) noexcept {
  const size_t blank = last ? line.size() : std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, blank);
  line.remove_prefix(std::min(blank + 1, line.size()));
  return word;
}

// No leading zeros, so that nobody can take it for octal (2.1).
std::optional<uint16_t> parse_port(std::string_view text) noexcept {
  const auto value = parse_decimal(text);
  if (!value || *value > UINT16_MAX || (text.size() > 1 && text.front() == '0')) {
    return std::nullopt;
  }
  return static_cast<uint16_t>(*value);
}

// IPv4 as dotted decimals or IPv6, by what the line has announced.
std::optional<IpAddress> parse_ip(std::string_view text, bool v6) noexcept {
  const bool has_colon = text.find(':') != std::string_view::npos;
  return has_colon == v6 ? IpAddress::parse(text) : std::nullopt;
}

ProxyParse parse_line(std::string_view line, size_t size) noexcept {
  line.remove_prefix(kV1.size());
  const std::string_view family = take_word(line, false);
  const bool v6 = family == "TCP6";
  if (!v6 && family != "TCP4") {
    return failed();
  }
  const auto client = parse_ip(take_word(line, false), v6);
  const auto server = parse_ip(take_word(line, false), v6);
  const auto port = parse_port(take_word(line, false));
  const auto server_port = parse_port(take_word(line, true));
  if (!client || !server || !port || !server_port) {
    return failed();
  }
  ProxyParse parsed = complete(size);
  parsed.client = {*client, *port};
  return parsed;
}

ProxyParse parse_v1(std::string_view bytes) noexcept {
  const std::string_view head = bytes.substr(0, kProxyV1Max);
  const size_t end = head.find_first_of("\r\n");
  if (end == std::string_view::npos) {
    return head.size() < kProxyV1Max ? ProxyParse{} : failed();
  }
  if (head[end] == '\n' || (end + 1 < bytes.size() && bytes[end + 1] != '\n') ||
      end + 2 > kProxyV1Max) {
    return failed();
  }
  if (end + 1 == bytes.size()) {
    return {};
  }
  const std::string_view line = head.substr(0, end);
  if (line == kUnknown || (line.starts_with(kUnknown) && line[kUnknown.size()] == ' ')) {
    return complete(end + 2);  // whatever follows is to be ignored (2.1)
  }
  return parse_line(line, end + 2);
}

// ---- version 2: binary ----

// The bytes of addresses of a family (2.2); nullopt for values that are not defined.
std::optional<size_t> address_bytes(uint8_t family) noexcept {
  if ((family & 0x0f) > 2) {
    return std::nullopt;
  }
  switch (family >> 4) {
    case 0:
      return 0;
    case 1:
      return 2 * (kV4 + 2);
    case 2:
      return 2 * (kV6 + 2);
    case 3:
      return 2 * 108;
    default:
      return std::nullopt;
  }
}

// The extensions end exactly where the header does (2.2.7).
bool fit(std::string_view extensions) noexcept {
  while (extensions.size() >= kTlvHead) {
    const size_t size = kTlvHead + number_at(extensions, 1);
    if (size > extensions.size()) {
      return false;
    }
    extensions.remove_prefix(size);
  }
  return extensions.empty();
}

IpPort end_of(std::string_view body, size_t size) noexcept {
  IpAddress ip;
  std::memcpy(ip.bytes.data(), body.data(), size);
  ip.size = static_cast<uint8_t>(size);
  const uint16_t port = number_at(body, 2 * size);
  return {Address(ip, port).ip(), port};  // a mapped address counts as IPv4
}

ProxyParse parse_v2(std::string_view bytes, size_t most) noexcept {
  if (bytes.size() < kFixed) {
    return {};
  }
  const uint8_t command = byte_at(bytes, kSignature.size());
  const uint8_t family = byte_at(bytes, kSignature.size() + 1);
  const size_t rest = number_at(bytes, kSignature.size() + 2);
  if ((command != kLocal && command != kProxied) || kFixed + rest > most) {
    return failed();
  }
  if (bytes.size() < kFixed + rest) {
    return {};
  }
  ProxyParse parsed = complete(kFixed + rest);
  if (command == kLocal) {
    return parsed;  // family and addresses are not to be looked at (2.2)
  }
  const auto addresses = address_bytes(family);
  if (!addresses || *addresses > rest) {
    return failed();
  }
  const std::string_view body = bytes.substr(kFixed, rest);
  if (*addresses > 0 && !fit(body.substr(*addresses))) {
    return failed();
  }
  if (family == kTcp4 || family == kTcp6) {
    parsed.client = end_of(body, family == kTcp4 ? kV4 : kV6);
  }
  return parsed;
}

// ---- writing ----

class Writer {
 public:
  explicit Writer(ProxyHeaderRoom& room) noexcept : room_(room) {}

  void add(std::string_view text) noexcept {
    text.copy(room_.data() + size_, text.size());
    size_ += text.size();
  }

  void add(const IpAddress& ip) noexcept {
    char text[46];
    add(ip.format(text));
  }

  void add_decimal(uint16_t value) noexcept {
    char* to = room_.data() + size_;
    size_ += static_cast<size_t>(std::to_chars(to, to + 5, value).ptr - to);
  }

  void add_byte(uint8_t value) noexcept { room_[size_++] = static_cast<char>(value); }

  void add_binary(uint16_t value) noexcept {
    add_byte(static_cast<uint8_t>(value >> 8));
    add_byte(static_cast<uint8_t>(value & 0xff));
  }

  void add_binary(const IpAddress& ip) noexcept {
    std::for_each_n(ip.bytes.begin(), ip.size, [this](uint8_t byte) { add_byte(byte); });
  }

  std::string_view text() const noexcept { return {room_.data(), size_}; }

 private:
  ProxyHeaderRoom& room_;
  size_t size_ = 0;
};

void write_v1(const IpPort& client, const IpPort& server, Writer& out) noexcept {
  if (client.ip.size == 0) {
    out.add("PROXY UNKNOWN\r\n");
    return;
  }
  out.add(client.ip.size == kV4 ? "PROXY TCP4 " : "PROXY TCP6 ");
  out.add(client.ip);
  out.add(" ");
  out.add(server.ip);
  out.add(" ");
  out.add_decimal(client.port);
  out.add(" ");
  out.add_decimal(server.port);
  out.add("\r\n");
}

void write_v2(const IpPort& client, const IpPort& server, Writer& out) noexcept {
  out.add(kSignature);
  out.add_byte(kProxied);
  if (client.ip.size == 0) {
    out.add_byte(0);              // family UNSPEC
    out.add_binary(uint16_t{0});  // without a byte behind it
    return;
  }
  out.add_byte(client.ip.size == kV4 ? kTcp4 : kTcp6);
  out.add_binary(static_cast<uint16_t>(2 * (client.ip.size + sizeof(client.port))));
  out.add_binary(client.ip);
  out.add_binary(server.ip);
  out.add_binary(client.port);
  out.add_binary(server.port);
}

}  // namespace

ProxyParse parse_proxy_header(std::string_view bytes, size_t most) noexcept {
  const auto may_be = [bytes](std::string_view start) {
    return bytes.substr(0, start.size()) == start.substr(0, bytes.size());
  };
  if (may_be(kV1)) {
    return bytes.size() < kV1.size() ? ProxyParse{} : parse_v1(bytes);
  }
  return may_be(kSignature) ? parse_v2(bytes, most) : failed();
}

std::string_view write_proxy_header(ProxyVersion version, const IpPort& client, IpPort server,
                                    ProxyHeaderRoom& room) noexcept {
  if (server.ip.size != client.ip.size) {
    server.ip = {};
    server.ip.size = client.ip.size;
  }
  Writer out(room);
  if (version == ProxyVersion::v1) {
    write_v1(client, server, out);
  } else {
    write_v2(client, server, out);
  }
  return out.text();
}

}  // namespace pingap::net
