#include "proxy/server.h"

#include <array>
#include <sys/socket.h>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "net/socket.h"
#include "proxy/test_snapshot.h"

namespace pingap::proxy {
namespace {

const std::string kAnyPort = "addr = \"127.0.0.1:0\"\n";

std::string threads(int count) {
  return fmt::format("threads = {}\n", count);
}

// The address of "ADDRESS (NAME)".
net::Address address_of(const Server& server) {
  const std::string text = server.addresses().at(0);
  return *net::Address::parse(text.substr(0, text.find(' ')));
}

net::Fd connect(const Server& server) {
  const net::Address address = address_of(server);
  net::Fd client(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::connect(client.get(), address.get(), address.size()), 0);
  return client;
}

void ask(const net::Fd& client) {
  EXPECT_EQ(::send(client.get(), kTestRequest.data(), kTestRequest.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(kTestRequest.size()));
}

std::string answer(const net::Fd& client) {
  std::array<char, 4096> room{};
  const ssize_t got = ::recv(client.get(), room.data(), room.size(), 0);
  return {room.data(), static_cast<size_t>(std::max<ssize_t>(got, 0))};
}

TEST(Server, NamesItsAddressesWithTheirPorts) {
  Server server(test_snapshot(kAnyPort, threads(3)));
  ASSERT_TRUE(server.bind());
  EXPECT_EQ(server.workers(), 3u);
  ASSERT_EQ(server.addresses().size(), 1u);
  EXPECT_NE(address_of(server).port(), 0);
  EXPECT_TRUE(server.addresses()[0].ends_with(" (s)"));
}

TEST(Server, SaysWhichAddressIsTaken) {
  const net::Fd other(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const net::Address any = *net::Address::parse("127.0.0.1:0");
  ASSERT_EQ(::bind(other.get(), any.get(), any.size()), 0);
  ASSERT_EQ(::listen(other.get(), 1), 0);
  const std::string taken = net::local_address(other.get()).to_string();
  Server server(test_snapshot(fmt::format("addr = \"{}\"\n", taken), threads(2)));
  const auto bound = server.bind();
  ASSERT_FALSE(bound);
  EXPECT_TRUE(bound.error().starts_with("cannot listen on " + taken + ": ")) << bound.error();
  EXPECT_NE(bound.error().find("another program has this port"), std::string::npos);
}

TEST(Server, WorksWhileWorkersWait) {
  Server server(test_snapshot(kAnyPort, threads(3)));
  ASSERT_TRUE(server.bind());
  server.start();
  net::Fd client;
  server.while_workers_wait([&] {
    client = connect(server);
    ask(client);
    std::array<char, 1> room{};
    EXPECT_LT(::recv(client.get(), room.data(), room.size(), MSG_DONTWAIT), 0);
    EXPECT_EQ(server.connections(), 0u);
  });
  EXPECT_TRUE(answer(client).starts_with(kTestAnswer));
  server.abort();
  server.join();
}

TEST(Server, EndsByItselfWhenItDrainsWithoutConnections) {
  Server server(test_snapshot(kAnyPort, threads(2)));
  ASSERT_TRUE(server.bind());
  server.start();
  EXPECT_FALSE(server.finished());
  server.drain();
  server.join();
  EXPECT_TRUE(server.finished());
}

// Each message holds the frontends of all workers: the sanitizers see one that outlives a loop.
TEST(Server, EndsWithAConfigurationThatNoWorkerHasTakenUp) {
  const auto control = *net::EventLoop::create();
  Server server(test_snapshot(kAnyPort, threads(3)));
  ASSERT_TRUE(server.bind());
  const auto next = test_snapshot("addr = \"[::1]:0\"\n", threads(3));
  ASSERT_TRUE(server.prepare(*next));
  bool done = false;
  server.publish(next, {}, *control, [&done] { done = true; });
  EXPECT_FALSE(done);
}

TEST(Server, AnswersAllThatWaitedInItsQueuesWhenItDrains) {
  Server server(test_snapshot(kAnyPort, threads(4)));
  ASSERT_TRUE(server.bind());
  std::vector<net::Fd> clients;
  for (int i = 0; i < 200; ++i) {
    clients.push_back(connect(server));
    ask(clients.back());
  }
  server.start();
  server.drain();
  server.join();
  for (const net::Fd& client : clients) {
    EXPECT_TRUE(answer(client).starts_with(kTestAnswer));
  }
  EXPECT_EQ(server.connections(), 0u);
}

TEST(Server, ClosesEverythingWhenItIsAborted) {
  Server server(test_snapshot(kAnyPort, threads(4)));
  ASSERT_TRUE(server.bind());
  std::vector<net::Fd> clients;
  for (int i = 0; i < 200; ++i) {
    clients.push_back(connect(server));
  }
  server.start();
  server.abort();
  server.join();
  for (const net::Fd& client : clients) {
    EXPECT_EQ(answer(client), "");
  }
}

TEST(Server, SharesAUnixSocketBetweenWorkersAndRemovesItAtTheEnd) {
  const std::string path = fmt::format("/tmp/pingap-server-test-{}", ::getpid());
  {
    Server server(test_snapshot(fmt::format("addr = \"unix:{}\"\n", path), threads(4)));
    ASSERT_TRUE(server.bind());
    server.start();
    std::vector<net::Fd> clients;
    for (int i = 0; i < 100; ++i) {
      clients.push_back(connect(server));
      ask(clients.back());
    }
    for (const net::Fd& client : clients) {
      EXPECT_TRUE(answer(client).starts_with(kTestAnswer));
    }
    EXPECT_EQ(server.connections(), 100u);
  }
  EXPECT_NE(::access(path.c_str(), F_OK), 0);
}

// What the last turn of a worker's loop does is done with what is still there.
TEST(Server, IsAbortedRightBehindAnotherConfiguration) {
  auto control = *net::EventLoop::create();
  for (int turn = 0; turn < 50; ++turn) {
    Server server(test_snapshot(kAnyPort, threads(2)));
    ASSERT_TRUE(server.bind());
    server.start();
    auto next = test_snapshot(kAnyPort, threads(2));
    ASSERT_TRUE(server.prepare(*next));
    int told = 0;
    server.publish(std::move(next), {}, *control, [&] { ++told; });
    server.abort();
    server.join();
    control->run_once(Duration::zero());
    EXPECT_EQ(told, 1);
  }
}

}  // namespace
}  // namespace pingap::proxy
