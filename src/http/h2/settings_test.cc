#include "http/h2/settings.h"

#include <array>
#include <string>

#include <gtest/gtest.h>

#include "http/h2/test_frames.h"

namespace pingap::http::h2 {
namespace {

TEST(PeerSettings, AreTakenOver) {
  PeerSettings peer;
  EXPECT_EQ(peer.max_concurrent_streams, 100U);
  EXPECT_EQ(peer.take(setting(1, 100) + setting(3, 7) + setting(4, 1000) + setting(8, 1) +
                          setting(0x99, 5) + setting(6, 1),
                      Role::client),
            Code::no_error);
  EXPECT_TRUE(peer.said);
  EXPECT_EQ(peer.header_table_size, 100U);
  EXPECT_EQ(peer.max_concurrent_streams, 7U);
  EXPECT_EQ(peer.initial_window_size, 1000U);
  EXPECT_TRUE(peer.enable_connect_protocol);
}

TEST(PeerSettings, SilenceAboutStreamsIsNoLimit) {
  PeerSettings peer;
  EXPECT_EQ(peer.take({}, Role::client), Code::no_error);
  EXPECT_EQ(peer.max_concurrent_streams, UINT32_MAX);
}

TEST(PeerSettings, LeastSizeOfTheTableIsKnown) {
  PeerSettings peer;
  EXPECT_EQ(peer.take(setting(1, 0) + setting(1, 4096), Role::server), Code::no_error);
  EXPECT_EQ(peer.least_table_size, 0U);
  EXPECT_EQ(peer.header_table_size, 4096U);
  EXPECT_EQ(peer.take({}, Role::server), Code::no_error);
  EXPECT_EQ(peer.least_table_size, 4096U);
}

struct Case {
  uint64_t id;
  uint64_t value;
  Code to_client;
  Code to_server;
};

constexpr Code kFine = Code::no_error;
constexpr Code kBad = Code::protocol_error;
constexpr Case kCases[] = {
    {2, 0, kFine, kFine},
    {2, 1, kBad, kFine},  // nobody pushes to clients who are proxies
    {2, 2, kBad, kBad},
    {4, 0x7fffffff, kFine, kFine},
    {4, 0x80000000, Code::flow_control_error, Code::flow_control_error},
    {5, 16'383, kBad, kBad},
    {5, 16'384, kFine, kFine},
    {5, 0xffffff, kFine, kFine},
    {5, 0x1000000, kBad, kBad},
    {8, 2, kBad, kBad},
    {9, 1, kFine, kFine},
    {9, 2, kBad, kBad},
    {0xffff, 0xffffffff, kFine, kFine},
};

TEST(PeerSettings, ValuesAreChecked) {
  for (const Case& c : kCases) {
    EXPECT_EQ(PeerSettings().take(setting(c.id, c.value), Role::client), c.to_client) << c.id;
    EXPECT_EQ(PeerSettings().take(setting(c.id, c.value), Role::server), c.to_server) << c.id;
  }
}

TEST(PeerSettings, ExtendedConnectIsNotTakenBack) {  // RFC 8441 3
  PeerSettings peer;
  EXPECT_EQ(peer.take(setting(8, 0), Role::client), kFine);
  EXPECT_EQ(peer.take(setting(8, 1), Role::client), kFine);
  EXPECT_EQ(peer.take(setting(8, 0), Role::client), kBad);
}

TEST(Settings, AreWritten) {
  std::array<char, kSettingEntry> out;
  EXPECT_EQ(write_setting(out.data(), {Setting::enable_connect_protocol, 0x01020304}),
            out.data() + out.size());
  EXPECT_EQ(std::string(out.data(), out.size()), setting(8, 0x01020304));
}

}  // namespace
}  // namespace pingap::http::h2
