#include "net/socket.h"

#include <cerrno>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace pingap::net {
namespace {

namespace fs = std::filesystem;

int try_errno(const std::string& text) {
  const auto tried = try_to_listen_on(*Address::parse(text));
  return tried ? 0 : tried.error().sys;
}

TEST(TryToListenOn, SaysWhatListeningWould) {
  EXPECT_EQ(try_errno("127.0.0.1:0"), 0);
  EXPECT_EQ(try_errno("192.0.2.1:8080"), EADDRNOTAVAIL);  // RFC 5737: nobody's
}

TEST(TryToListenOn, TakesNoConnectionFromWhoListensThere) {
  const Fd listening = *listen_on(*Address::parse("127.0.0.1:0"));
  const Address address = local_address(listening.get());
  EXPECT_EQ(try_errno(address.to_string()), 0);
  bool in_progress = false;
  const Fd client = *connect_to(address, in_progress);
  EXPECT_EQ(connect_result(client.get()), 0);
}

TEST(TryToListenOn, DoesNotMindWhoHasThePort) {
  const Fd alone(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const Address any = *Address::parse("127.0.0.1:0");
  ASSERT_EQ(::bind(alone.get(), any.get(), any.size()), 0);
  ASSERT_EQ(::listen(alone.get(), 1), 0);
  const Address address = local_address(alone.get());
  EXPECT_EQ(listen_on(address).error().sys, EADDRINUSE);
  EXPECT_EQ(try_errno(address.to_string()), 0);
}

TEST(TryToListenOn, LooksForRoomForAUnixSocket) {
  std::string folder = testing::TempDir() + "pingap_socket_XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/p.sock";
  EXPECT_EQ(try_errno("unix:" + path), 0);
  EXPECT_FALSE(fs::exists(path));
  EXPECT_EQ(try_errno("unix:" + folder + "/none/p.sock"), ENOENT);
  {
    const Fd listening = *listen_on(*Address::parse("unix:" + path));
    EXPECT_EQ(try_errno("unix:" + path), 0);
    EXPECT_TRUE(fs::exists(path));
  }
  fs::remove(path);
  std::ofstream{path} << "x";
  EXPECT_EQ(try_errno("unix:" + path), EEXIST);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace pingap::net
