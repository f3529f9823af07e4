// Connections between workers: the test turns their loops itself, each worker listens on a port of
// its own, so it is known who accepts and what has arrived.
#include "proxy/frontend.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <sys/socket.h>

#include <gtest/gtest.h>

#include "net/socket.h"
#include "proxy/test_snapshot.h"
#include "proxy/worker.h"

namespace pingap::proxy {
namespace {

class Crew {
 public:
  // Those from `serving` on have not taken up the configuration yet.
  explicit Crew(uint32_t count, const std::string& server_keys = "", size_t serving = SIZE_MAX)
      : snapshot_(test_snapshot("addr = \"127.0.0.1:0\"\n" + server_keys,
                                "threads = " + std::to_string(count) + "\n")) {
    for (uint32_t i = 0; i < count; ++i) {
      workers_.push_back(std::make_unique<Worker>(snapshot_, *net::EventLoop::create(), i, count));
    }
    const Site& site = *snapshot_->sites[0];
    const auto listening = std::make_shared<Listening>();
    for (const auto& worker : workers_) {
      net::Fd socket = *net::listen_on(*net::Address::parse("127.0.0.1:0"));
      addresses_.push_back(net::local_address(socket.get()));
      worker->set_peers(workers_);
      std::vector<net::Fd> sockets;
      sockets.push_back(std::move(socket));
      listening->frontends.push_back(
          std::make_unique<Frontend>(*worker, *listening, site, std::move(sockets)));
    }
    for (size_t i = 0; i < std::min<size_t>(count, serving); ++i) {
      workers_[i]->serve({{listening, &site, {}}});
    }
  }

  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  ~Crew() {
    for (const auto& worker : workers_) {
      worker->abort();
      worker->loop().run_once(Duration::zero());
    }
  }

  Worker& operator[](size_t index) { return *workers_[index]; }

  const net::Address& address(size_t index) const { return addresses_[index]; }

  uint32_t connections(size_t index) const { return workers_[index]->connections(); }

  // A client whose connection waits in the queue of worker `index`.
  net::Fd connect(size_t index) const {
    net::Fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(client.get(), addresses_[index].get(), addresses_[index].size()), 0);
    return client;
  }

  std::vector<net::Fd> connect(size_t index, size_t count) const {
    std::vector<net::Fd> clients;
    for (size_t i = 0; i < count; ++i) {
      clients.push_back(connect(index));
    }
    return clients;
  }

  void turn(size_t index) { workers_[index]->loop().run_once(Duration::zero()); }

  // Clients of worker `index`, which has accepted them; the other workers have not had a turn.
  std::vector<net::Fd> accepted(size_t index, size_t count) {
    std::vector<net::Fd> clients = connect(index, count);
    const size_t wanted = total() + count;
    turn_until(index, [&] { return total() == wanted; });
    return clients;
  }

  uint32_t total() const {
    uint32_t sum = 0;
    for (const auto& worker : workers_) {
      sum += worker->connections();
    }
    return sum;
  }

  // Posts it another configuration, without the address.
  void take_away(size_t index) {
    workers_[index]->publish(snapshot_, std::make_shared<ClusterSets>(), {}, *control_, [] {});
  }

  // With what waits for it.
  void discard_messages(size_t index) { workers_[index]->loop().discard_posted(); }

  void turn_until(size_t index, const std::function<bool()>& done) {
    for (int i = 0; i < 1000; ++i) {
      if (done()) {
        return;
      }
      workers_[index]->loop().run_once(std::chrono::milliseconds(10));
    }
    ADD_FAILURE() << "not within 1,000 turns";
  }

 private:
  std::shared_ptr<const Snapshot> snapshot_;
  std::unique_ptr<net::EventLoop> control_ = *net::EventLoop::create();
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<net::Address> addresses_;
};

void send(const net::Fd& client, std::string_view bytes) {
  ASSERT_EQ(::send(client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(bytes.size()));
}

// What has come; nullopt: nothing; empty: the end or a reset.
std::optional<std::string> received(const net::Fd& client) {
  std::array<char, 4096> room{};
  const ssize_t got = ::recv(client.get(), room.data(), room.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
    return std::nullopt;
  }
  return std::string(room.data(), static_cast<size_t>(std::max<ssize_t>(got, 0)));
}

size_t open(const std::vector<net::Fd>& clients) {
  size_t count = 0;
  for (const net::Fd& client : clients) {
    count += received(client) != std::string() ? 1U : 0U;
  }
  return count;
}

TEST(Frontend, KeepsConnectionsWhileItsWorkerIsNotCrowded) {
  Crew crew(2);
  const auto clients = crew.accepted(0, 20);
  EXPECT_EQ(crew.connections(0), 20u);
  EXPECT_EQ(crew.connections(1), 0u);
}

TEST(Frontend, NeverFindsALoneWorkerCrowded) {
  Crew crew(1);
  const auto clients = crew.accepted(0, 100);
  EXPECT_EQ(crew.connections(0), 100u);
}

// Connections are counted where they go when they go, not when they get there.
TEST(Frontend, SpreadsABurstOverWorkersThatHaveNotHadATurn) {
  Crew crew(4);
  const auto clients = crew.accepted(0, 60);
  EXPECT_LE(crew.connections(0), crowd_limit(60, 4));
  for (size_t i = 1; i < 4; ++i) {
    EXPECT_NEAR(crew.connections(i), (60 - crew.connections(0)) / 3.0, 1) << i;
  }
}

TEST(Frontend, NoticesThatOthersHaveLostConnections) {
  Crew crew(2);
  auto clients = crew.accepted(0, 20);
  auto others = crew.accepted(1, 40);
  clients.push_back(std::move(crew.accepted(0, 1)[0]));  // 20 beside 40 are far from too many
  ASSERT_EQ(crew.connections(0), 21u);
  others.clear();
  crew.turn_until(1, [&] { return crew.connections(1) == 0; });
  const TimePoint lost = crew[0].loop().now();
  crew.turn_until(0, [&] { return crew[0].loop().now() >= lost + std::chrono::milliseconds(20); });
  const auto more = crew.accepted(0, 20);
  EXPECT_EQ(crew.total(), 41u);
  EXPECT_LE(crew.connections(0), crowd_limit(41, 2));
}

TEST(Frontend, ServesAConnectionThatAnotherWorkerAccepted) {
  Crew crew(2);
  const auto clients = crew.accepted(0, 22);
  ASSERT_EQ(crew.connections(1), 1u);
  for (int i = 0; i < 2; ++i) {  // it stays there
    send(clients.back(), kTestRequest);
    std::string answer;
    crew.turn_until(1, [&] {
      answer += received(clients.back()).value_or("");
      return answer.find("\r\n\r\n") != std::string::npos;
    });
    EXPECT_TRUE(answer.starts_with(kTestAnswer)) << answer;
  }
  EXPECT_EQ(crew.connections(1), 1u);
}

TEST(Frontend, UncountsAConnectionThatAnotherWorkerAccepted) {
  Crew crew(2);
  auto clients = crew.accepted(0, 22);
  ASSERT_EQ(crew.connections(1), 1u);
  clients.pop_back();
  crew.turn_until(1, [&] { return crew.connections(1) == 0; });
  EXPECT_EQ(crew.connections(0), 21u);
}

TEST(Frontend, TakesNoMoreThanItsShareFromOthers) {
  Crew crew(2, "max_connections = 6\n");
  auto clients = crew.accepted(0, 6);
  EXPECT_EQ(crew.connections(0), 3u);
  EXPECT_EQ(crew.connections(1), 3u);
  for (const net::Fd& client : clients) {
    send(client, "G");  // begun: not idle
  }
  crew.turn(1);
  const net::Fd late = crew.connect(0);
  crew.turn_until(0, [&] { return received(late) == std::string(); });
  crew.turn(1);
  EXPECT_EQ(crew.total(), 6u);
  EXPECT_EQ(open(clients), 6u);
}

TEST(Frontend, ClosesAnIdleConnectionOnlyWhenNoWorkerHasRoom) {
  Crew crew(2, "max_connections = 4\n");
  const auto clients = crew.accepted(0, 4);
  crew.turn(1);
  EXPECT_EQ(open(clients), 4u);

  const net::Fd late = crew.connect(0);
  send(late, kTestRequest);
  crew.turn_until(0, [&] { return received(late).has_value(); });
  EXPECT_EQ(received(clients[0]), std::string());  // the oldest
  EXPECT_EQ(crew.connections(0), 2u);
  EXPECT_EQ(crew.connections(1), 2u);
}

TEST(Frontend, HandsNothingToAWorkerThatIsStopping) {
  Crew crew(2);
  crew[1].drain();
  crew.turn(1);
  EXPECT_TRUE(crew[1].stopping());
  EXPECT_FALSE(crew[1].reserve()) << "nor from one that has chosen it before";
  const auto clients = crew.accepted(0, 40);
  EXPECT_EQ(crew.connections(0), 40u);
  EXPECT_EQ(crew.connections(1), 0u);
}

TEST(Frontend, MakesAStoppingWorkerWaitForWhatWasHandedToItBefore) {
  Crew crew(2);
  crew[1].drain();  // posted first: it drains, then hears of the connection
  const auto clients = crew.accepted(0, 22);
  ASSERT_EQ(crew.connections(1), 1u);
  crew.turn(1);
  EXPECT_EQ(crew.connections(1), 1u);
  EXPECT_EQ(received(clients.back()), std::nullopt) << "its request may still come";
  send(clients.back(), kTestRequest);
  crew.turn_until(1, [&] { return crew.connections(1) == 0; });
  const std::string answer = received(clients.back()).value_or("");
  EXPECT_TRUE(answer.starts_with(kTestAnswer)) << answer;
  EXPECT_NE(answer.find("\r\nConnection: close\r\n"), std::string::npos) << answer;
}

TEST(Frontend, HandsNothingToAWorkerThatHasNotTheConfigurationYet) {
  Crew crew(2, "", 1);
  const auto clients = crew.accepted(0, 40);
  EXPECT_EQ(crew.connections(0), 40u);
  EXPECT_EQ(crew.connections(1), 0u);
}

TEST(Frontend, HandsNothingToAWorkerThatHasLeftTheAddress) {
  Crew crew(2);
  crew.take_away(1);
  crew.turn(1);
  EXPECT_FALSE(crew[1].stopping()) << "it serves other addresses";
  const auto clients = crew.accepted(0, 40);
  EXPECT_EQ(crew.connections(0), 40u);
  EXPECT_EQ(crew.connections(1), 0u);
}

TEST(Frontend, ServesOneRequestOfWhatWasHandedToItBeforeItLeftTheAddress) {
  Crew crew(2);
  crew.take_away(1);  // posted first
  const auto clients = crew.accepted(0, 22);
  ASSERT_EQ(crew.connections(1), 1u);
  for (int i = 0; i < 5; ++i) {
    crew.turn(1);  // nothing is forgotten meanwhile
  }
  EXPECT_EQ(received(clients.back()), std::nullopt);
  send(clients.back(), kTestRequest);
  crew.turn_until(1, [&] { return crew.connections(1) == 0; });
  const std::string answer = received(clients.back()).value_or("");
  EXPECT_TRUE(answer.starts_with(kTestAnswer)) << answer;
  EXPECT_NE(answer.find("\r\nConnection: close\r\n"), std::string::npos) << answer;
}

TEST(Frontend, ListensNoMoreAfterTheAbort) {
  Crew crew(1);
  crew[0].abort();
  crew.turn(0);
  const net::Fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_NE(::connect(client.get(), crew.address(0).get(), crew.address(0).size()), 0);
}

TEST(Frontend, ClosesAConnectionThatComesAfterTheAbort) {
  Crew crew(2);
  crew[1].abort();  // posted first
  const auto clients = crew.accepted(0, 22);
  ASSERT_EQ(crew.connections(1), 1u);
  crew.turn(1);
  EXPECT_EQ(received(clients.back()), std::string());
  EXPECT_EQ(crew.connections(1), 0u);
}

TEST(Frontend, ClosesAConnectionWhoseMessageIsNeverRun) {
  Crew crew(2);
  const auto clients = crew.accepted(0, 22);
  ASSERT_EQ(crew.connections(1), 1u);
  crew.discard_messages(1);
  EXPECT_EQ(received(clients.back()), std::string());
}

}  // namespace
}  // namespace pingap::proxy
