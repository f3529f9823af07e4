#include "net/proxy_protocol.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace pingap::net {
namespace {

using namespace std::string_literals;

constexpr size_t kMost = 4096;

const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;
const std::string kV4Ends = "\xc0\x00\x02\x01\x0a\x00\x00\x01\x12\x34\x00\x50"s;
const std::string kV6Ends =
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"s
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02"s
    "\x12\x34\x00\x50"s;

std::string v2(uint8_t command, uint8_t family, const std::string& body, size_t size) {
  return kSignature + static_cast<char>(command) + static_cast<char>(family) +
         static_cast<char>(size >> 8) + static_cast<char>(size & 0xff) + body;
}

std::string v2(uint8_t command, uint8_t family, const std::string& body) {
  return v2(command, family, body, body.size());
}

std::string tlv(uint8_t type, const std::string& value) {
  return std::string(1, static_cast<char>(type)) + static_cast<char>(value.size() >> 8) +
         static_cast<char>(value.size() & 0xff) + value;
}

// "192.0.2.1 4660", "-" for the socket's own, "?" incomplete, "!" failed.
std::string outcome(const ProxyParse& parsed) {
  char text[46];
  switch (parsed.status) {
    case ProxyStatus::incomplete:
      return "?";
    case ProxyStatus::failed:
      return "!";
    case ProxyStatus::complete:
      break;
  }
  const IpPort& client = parsed.client;
  return client.ip.size == 0
             ? "-"
             : std::string(client.ip.format(text)) + " " + std::to_string(client.port);
}

struct Case {
  std::string bytes;
  std::string wanted;
};

// With every prefix incomplete, and with a request behind it.
void expect_whole(const Case& one) {
  for (size_t cut = 0; cut < one.bytes.size(); ++cut) {
    EXPECT_EQ(outcome(parse_proxy_header(std::string_view(one.bytes).substr(0, cut), kMost)), "?")
        << testing::PrintToString(one.bytes) << " cut at " << cut;
  }
  for (const std::string& behind : {""s, "G"s, "GET / HTTP/1.1\r\n"s, "\r\n\r\n"s, kSignature}) {
    const ProxyParse parsed = parse_proxy_header(one.bytes + behind, kMost);
    EXPECT_EQ(outcome(parsed), one.wanted) << testing::PrintToString(one.bytes);
    EXPECT_EQ(parsed.size, one.bytes.size());
  }
}

// It fails when it is there, at the latest; never before it does is it taken for whole.
void expect_failed(const std::string& bytes) {
  EXPECT_EQ(outcome(parse_proxy_header(bytes, kMost)), "!") << testing::PrintToString(bytes);
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    const auto parsed = parse_proxy_header(std::string_view(bytes).substr(0, cut), kMost);
    EXPECT_NE(parsed.status, ProxyStatus::complete)
        << testing::PrintToString(bytes) << " cut at " << cut;
  }
}

TEST(ProxyProtocol, TakesVersion1WhereverItIsCut) {
  const std::vector<Case> cases = {
      {"PROXY TCP4 192.0.2.1 10.0.0.1 4660 80\r\n", "192.0.2.1 4660"},
      {"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255 65535"},
      {"PROXY TCP4 192.0.2.1 10.0.0.1 0 0\r\n", "192.0.2.1 0"},
      {"PROXY TCP6 2001:db8::1 2001:db8::2 4660 80\r\n", "2001:db8::1 4660"},
      {"PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535"},
      {"PROXY TCP6 ::ffff:192.0.2.1 ::ffff:10.0.0.1 4660 80\r\n", "192.0.2.1 4660"},
      {"PROXY UNKNOWN\r\n", "-"},
      {"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", "-"},
      {"PROXY UNKNOWN " + std::string(kProxyV1Max - 16, 'x') + "\r\n", "-"},
  };
  for (const Case& one : cases) {
    expect_whole(one);
  }
}

TEST(ProxyProtocol, RefusesWhatIsNoVersion1) {
  for (const std::string& bytes : {
           "PROXY TCP4 192.0.2.1 10.0.0.1 4660 80\n"s,
           "PROXY TCP4 192.0.2.1 10.0.0.1 4660 80\rx"s,
           "PROXY TCP4 192.0.2.1 10.0.0.1 4660 80 \r\n"s,
           "PROXY TCP4 192.0.2.1 10.0.0.1 4660 80 1\r\n"s,
           "PROXY TCP4  192.0.2.1 10.0.0.1 4660 80\r\n"s,
           "PROXY  TCP4 192.0.2.1 10.0.0.1 4660 80\r\n"s,
           "PROXY TCP4 192.0.2.1 10.0.0.1 4660\r\n"s,
           "PROXY TCP4 192.0.2.1 10.0.0.1\r\n"s,
           "PROXY TCP4\r\n"s,
           "PROXY \r\n"s,
           "PROXY TCP4 192.0.2.01 10.0.0.1 4660 80\r\n"s,
           "PROXY TCP4 192.0.2.256 10.0.0.1 4660 80\r\n"s,
           "PROXY TCP4 192.0.2 10.0.0.1 4660 80\r\n"s,
           "PROXY TCP4 a.test 10.0.0.1 4660 80\r\n"s,
           "PROXY TCP4 192.0.2.1 10.0.0.1 04660 80\r\n"s,
           "PROXY TCP4 192.0.2.1 10.0.0.1 65536 80\r\n"s,
           "PROXY TCP4 192.0.2.1 10.0.0.1 +1 80\r\n"s,
           "PROXY TCP4 192.0.2.1 10.0.0.1 -1 80\r\n"s,
           "PROXY TCP4 192.0.2.1 10.0.0.1 4660 99999999999999999999\r\n"s,
           "PROXY TCP4 2001:db8::1 2001:db8::2 4660 80\r\n"s,
           "PROXY TCP6 192.0.2.1 10.0.0.1 4660 80\r\n"s,
           "PROXY TCP6 2001:db8::1 10.0.0.1 4660 80\r\n"s,
           "PROXY TCP5 192.0.2.1 10.0.0.1 4660 80\r\n"s,
           "PROXY tcp4 192.0.2.1 10.0.0.1 4660 80\r\n"s,
           "PROXY UNKNOWNx\r\n"s,
           "PROXY TCP4 192.0.2.1\0 10.0.0.1 4660 80\r\n"s,
           "proxy TCP4 192.0.2.1 10.0.0.1 4660 80\r\n"s,
           "PROXY\tTCP4 192.0.2.1 10.0.0.1 4660 80\r\n"s,
           "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"s,
           "\r\nGET / HTTP/1.1\r\n"s,
           "\x16\x03\x01"s,
       }) {
    expect_failed(bytes);
  }
}

TEST(ProxyProtocol, Version1HasAtMost107Bytes) {
  const std::string start = "PROXY UNKNOWN ";
  expect_failed(start + std::string(kProxyV1Max + 1 - start.size() - 2, 'x') + "\r\n");
  const std::string endless = start + std::string(1000, 'x');
  EXPECT_EQ(outcome(parse_proxy_header(endless.substr(0, kProxyV1Max - 1), kMost)), "?");
  EXPECT_EQ(outcome(parse_proxy_header(endless.substr(0, kProxyV1Max), kMost)), "!");
  EXPECT_EQ(outcome(parse_proxy_header(endless, kMost)), "!");
}

TEST(ProxyProtocol, TakesVersion2WhereverItIsCut) {
  const std::vector<Case> cases = {
      {v2(0x21, 0x11, kV4Ends), "192.0.2.1 4660"},
      {v2(0x21, 0x21, kV6Ends), "2001:db8::1 4660"},
      {v2(0x21, 0x21, std::string(10, '\0') + "\xff\xff\xc0\x00\x02\x01"s + kV6Ends.substr(16)),
       "192.0.2.1 4660"},
      // Extensions
      {v2(0x21, 0x11, kV4Ends + tlv(4, "")), "192.0.2.1 4660"},
      {v2(0x21, 0x11, kV4Ends + tlv(2, "a.test") + tlv(4, std::string(300, 'p'))),
       "192.0.2.1 4660"},
      {v2(0x21, 0x21, kV6Ends + tlv(0x20, "\x01\0\0\0\0"s + tlv(0x21, "TLSv1.3"))),
       "2001:db8::1 4660"},
      // Nobody in particular
      {v2(0x20, 0x00, ""), "-"},
      {v2(0x20, 0x11, kV4Ends), "-"},
      {v2(0x20, 0xff, "whatever"), "-"},
      {v2(0x21, 0x00, ""), "-"},
      {v2(0x21, 0x00, "ignored"), "-"},
      {v2(0x21, 0x12, kV4Ends), "-"},  // a datagram has not opened this connection
      {v2(0x21, 0x22, kV6Ends), "-"},
      {v2(0x21, 0x31, std::string(216, '/')), "-"},
  };
  for (const Case& one : cases) {
    expect_whole(one);
  }
}

TEST(ProxyProtocol, RefusesWhatIsNoVersion2) {
  for (const std::string& bytes : {
           v2(0x11, 0x11, kV4Ends),  // version 1 in binary
           v2(0x31, 0x11, kV4Ends),
           v2(0x22, 0x11, kV4Ends),  // no such command
           v2(0x2f, 0x11, kV4Ends),
           v2(0x21, 0x41, kV4Ends),  // no such family, no such transport
           v2(0x21, 0x13, kV4Ends),
           v2(0x21, 0x11, kV4Ends.substr(1)),  // shorter than its addresses
           v2(0x21, 0x11, ""),
           v2(0x21, 0x21, kV6Ends.substr(1)),
           v2(0x21, 0x31, std::string(215, '/')),
           // An extension that does not fit, or a half one
           v2(0x21, 0x11, kV4Ends + tlv(4, "pad").substr(0, 5)),
           v2(0x21, 0x11, kV4Ends + "\x04\xff\xff"s),
           v2(0x21, 0x11, kV4Ends + "\x04"s),
           v2(0x21, 0x11, kV4Ends + tlv(4, "x") + "\x04\x00"s),
           "\r\n\r\nGET / HTTP/1.1\r\n"s,
           "\r\n\r\n\0\r\nQUIX\n"s,
       }) {
    expect_failed(bytes);
  }
}

TEST(ProxyProtocol, Version2HasAtMostWhatItMayHave) {
  const std::string body = kV4Ends + tlv(4, std::string(100, 'p'));
  const std::string bytes = v2(0x21, 0x11, body);
  EXPECT_EQ(outcome(parse_proxy_header(bytes, bytes.size())), "192.0.2.1 4660");
  EXPECT_EQ(outcome(parse_proxy_header(bytes, bytes.size() - 1)), "!");
  // Known as soon as the length is.
  EXPECT_EQ(outcome(parse_proxy_header(bytes.substr(0, 16), bytes.size() - 1)), "!");
  EXPECT_EQ(outcome(parse_proxy_header(bytes.substr(0, 15), bytes.size() - 1)), "?");
}

IpPort end(std::string_view ip, uint16_t port) {
  return {*IpAddress::parse(ip), port};
}

TEST(ProxyProtocol, WritesVersion1) {
  ProxyHeaderRoom room;
  const auto written = [&room](const IpPort& client, const IpPort& server) {
    return std::string(write_proxy_header(ProxyVersion::v1, client, server, room));
  };
  EXPECT_EQ(written(end("192.0.2.1", 4660), end("10.0.0.1", 80)),
            "PROXY TCP4 192.0.2.1 10.0.0.1 4660 80\r\n");
  EXPECT_EQ(written(end("2001:db8::1", 0), end("2001:db8::2", 65535)),
            "PROXY TCP6 2001:db8::1 2001:db8::2 0 65535\r\n");
  EXPECT_EQ(written(end("192.0.2.1", 1), end("::1", 80)), "PROXY TCP4 192.0.2.1 0.0.0.0 1 80\r\n");
  EXPECT_EQ(written(end("2001:db8::1", 1), end("10.0.0.1", 80)),
            "PROXY TCP6 2001:db8::1 :: 1 80\r\n");
  EXPECT_EQ(written({}, end("10.0.0.1", 80)), "PROXY UNKNOWN\r\n");
  const IpPort longest = end("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535);
  EXPECT_EQ(written(longest, longest).size(), 104U);
}

TEST(ProxyProtocol, WritesVersion2) {
  ProxyHeaderRoom room;
  const auto written = [&room](const IpPort& client, const IpPort& server) {
    return std::string(write_proxy_header(ProxyVersion::v2, client, server, room));
  };
  EXPECT_EQ(written(end("192.0.2.1", 4660), end("10.0.0.1", 80)), v2(0x21, 0x11, kV4Ends));
  EXPECT_EQ(written(end("2001:db8::1", 4660), end("2001:db8::2", 80)), v2(0x21, 0x21, kV6Ends));
  EXPECT_EQ(written({}, end("10.0.0.1", 80)), v2(0x21, 0x00, ""));
}

TEST(ProxyProtocol, WhatIsWrittenIsReadTheSame) {
  ProxyHeaderRoom room;
  for (const ProxyVersion version : {ProxyVersion::v1, ProxyVersion::v2}) {
    for (const std::string ip : {"192.0.2.1", "0.0.0.0", "2001:db8::1", "::"}) {
      const std::string text(write_proxy_header(version, end(ip, 99), end("::1", 1), room));
      expect_whole({text, ip + " 99"});
    }
  }
}

}  // namespace
}  // namespace pingap::net
