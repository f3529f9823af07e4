// The real library against a name server that plays answers by hand, on the same loop.
#include "upstream/discovery/ares_resolver.h"

#include <deque>
#include <fstream>
#include <map>
#include <optional>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "net/address.h"
#include "net/fd.h"

namespace pingap::upstream {
namespace {

using Bytes = std::string;
using std::chrono::milliseconds;
using std::chrono::seconds;

Bytes number(unsigned value, int size) {
  Bytes out;
  for (int shift = 8 * (size - 1); shift >= 0; shift -= 8) {
    out += static_cast<char>(value >> shift & 0xff);
  }
  return out;
}

Bytes record(int type, unsigned ttl, const Bytes& data, const Bytes& name = "\xc0\x0c") {
  return name + number(static_cast<unsigned>(type), 2) + number(1, 2) + number(ttl, 4) +
         number(static_cast<unsigned>(data.size()), 2) + data;
}

constexpr int kA = 1;
constexpr int kAaaa = 28;
constexpr int kSrv = 33;

// A UDP socket; answers are chosen by type, or by a function.
class NameServer final : public net::IoHandler {
 public:
  explicit NameServer(net::EventLoop& loop)
      : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    const auto any = *net::Address::parse("127.0.0.1:0");
    EXPECT_EQ(::bind(socket_.get(), any.get(), any.size()), 0);
    EXPECT_TRUE(loop.add_level(socket_.get(), *this));
  }

  std::string address() const {
    sockaddr_storage bound{};
    socklen_t size = sizeof(bound);
    ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&bound), &size);
    return net::Address::from(reinterpret_cast<sockaddr*>(&bound), size).to_string();
  }

  void on_io(net::IoEvents /*ready*/) noexcept override {
    char room[512];
    sockaddr_storage from{};
    socklen_t size = sizeof(from);
    const ssize_t got =
        ::recvfrom(socket_.get(), room, sizeof(room), 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (got < 17) {
      return;
    }
    const Bytes query(room, static_cast<size_t>(got));
    const int type = static_cast<uint8_t>(query[query.size() - 3]);
    names.push_back(name_of(query));
    for (const Bytes& answer : answers(type, query)) {
      ::sendto(socket_.get(), answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&from),
               size);
    }
  }

  // What is sent for a query; by default the records of its type.
  std::function<std::vector<Bytes>(int, const Bytes&)> answers = [this](int type,
                                                                        const Bytes& query) {
    return std::vector{reply(query, records[type], codes[type])};
  };

  static Bytes reply(const Bytes& query, const std::vector<Bytes>& records, unsigned code = 0,
                     unsigned flags = 0x8180) {
    Bytes out = query.substr(0, 2) + number(flags | code, 2) + number(1, 2) +
                number(static_cast<unsigned>(records.size()), 2) + number(0, 4) + query.substr(12);
    for (const Bytes& one : records) {
      out += one;
    }
    return out;
  }

  std::map<int, std::vector<Bytes>> records;
  std::map<int, unsigned> codes;
  std::vector<std::string> names;  // asked for

 private:
  static std::string name_of(const Bytes& query) {
    std::string name;
    for (size_t at = 12; at < query.size() && query[at] != 0;) {
      const auto size = static_cast<size_t>(query[at]);
      name += (name.empty() ? "" : ".") + query.substr(at + 1, size);
      at += size + 1;
    }
    return name;
  }

  net::Fd socket_;
};

class AresResolverTest : public testing::Test {
 protected:
  AresResolverTest() : loop_(std::move(*net::EventLoop::create())), server_(*loop_) {
    settings_.servers = {server_.address()};
    settings_.timeout_ms = 100;
    settings_.tries = 1;
  }

  AddressAnswer ask(const std::string& name, Family family = Family::any) {
    start();
    std::optional<AddressAnswer> got;
    const auto question = resolver_->find_addresses(
        name, family, [&](AddressAnswer answer) { got = std::move(answer); });
    EXPECT_FALSE(got) << "answered from inside the call";
    run_until([&] { return got.has_value(); });
    return got.value_or(AddressAnswer{});
  }

  ServiceAnswer ask_service(const std::string& name) {
    start();
    std::optional<ServiceAnswer> got;
    const auto question =
        resolver_->find_services(name, [&](ServiceAnswer answer) { got = std::move(answer); });
    run_until([&] { return got.has_value(); });
    return got.value_or(ServiceAnswer{});
  }

  void start() {
    if (!resolver_) {
      resolver_.emplace(*loop_, settings_);
    }
  }

  template <class Done>
  void run_until(Done done) {
    const TimePoint end = steady_now() + seconds(10);
    while (!done() && steady_now() < end) {
      loop_->run_once(milliseconds(50));
    }
    EXPECT_TRUE(done());
  }

  static std::string list(const AddressAnswer& answer) {
    std::string out;
    for (const IpAddress& ip : answer.addresses) {
      char room[46];
      out += std::string(ip.format(room)) + ";";
    }
    return out;
  }

  std::unique_ptr<net::EventLoop> loop_;
  NameServer server_;
  ResolverSettings settings_;
  std::optional<AresResolver> resolver_;
};

TEST_F(AresResolverTest, FindsAddressesWithTheLeastOfTheirTimes) {
  server_.records[kA] = {record(kA, 60, {10, 0, 0, 1}), record(kA, 7, {10, 0, 0, 2})};
  const auto answer = ask("a.test");
  EXPECT_EQ(answer.outcome, Verdict::found);
  EXPECT_EQ(list(answer), "10.0.0.1;10.0.0.2;");
  EXPECT_EQ(answer.ttl, seconds(7));
  EXPECT_FALSE(answer.from_hosts);
}

TEST_F(AresResolverTest, FindsBothFamilies) {
  server_.records[kA] = {record(kA, 60, {10, 0, 0, 1})};
  server_.records[kAaaa] = {record(kAaaa, 60, Bytes("\xfd", 1) + Bytes(14, '\0') + '\x01')};
  EXPECT_EQ(ask("a.test").addresses.size(), 2U);
  EXPECT_EQ(list(ask("a.test", Family::ipv4)), "10.0.0.1;");
  EXPECT_EQ(list(ask("a.test", Family::ipv6)), "fd00::1;");
}

TEST_F(AresResolverTest, TellsGoneFromFailed) {
  server_.codes = {{kA, 3}, {kAaaa, 3}};
  EXPECT_EQ(ask("a.test").outcome, Verdict::gone);
  server_.codes = {};
  EXPECT_EQ(ask("a.test").outcome, Verdict::gone);  // the name is there, addresses are not
  server_.codes = {{kA, 2}, {kAaaa, 2}};
  const auto failed = ask("a.test");
  EXPECT_EQ(failed.outcome, Verdict::failed);
  EXPECT_NE(failed.why, "");
  server_.answers = [](int, const Bytes&) { return std::vector<Bytes>{}; };
  EXPECT_EQ(ask("a.test").outcome, Verdict::failed);
}

TEST_F(AresResolverTest, ATimeWithItsHighestBitIsZero) {
  server_.records[kA] = {record(kA, 0x80000000U, {10, 0, 0, 1})};
  EXPECT_EQ(ask("a.test").ttl, seconds(0));
}

TEST_F(AresResolverTest, FindsServices) {
  server_.records[kSrv] = {
      record(kSrv, 30, number(10, 2) + number(5, 2) + number(8080, 2) + Bytes("\1b\4test\0", 8)),
      record(kSrv, 20, number(20, 2) + number(0, 2) + number(81, 2) + "\xc0\x0c")};
  const auto answer = ask_service("s.test");
  EXPECT_EQ(answer.outcome, Verdict::found);
  EXPECT_EQ(answer.ttl, seconds(20));
  ASSERT_EQ(answer.services.size(), 2U);
  EXPECT_EQ(answer.services[0], (Service{"b.test", 8080, 10, 5}));
  EXPECT_EQ(answer.services[1], (Service{"s.test", 81, 20, 0}));
}

TEST_F(AresResolverTest, AServiceWithoutRecordsIsGone) {
  EXPECT_EQ(ask_service("s.test").outcome, Verdict::gone);
}

// What somebody else than the server could send, or a broken server: none of it is an answer.
TEST_F(AresResolverTest, IsNotFooled) {
  const Bytes good = record(kA, 60, {10, 0, 0, 1});
  const std::map<std::string, std::function<Bytes(const Bytes&)>> forgeries = {
      {"another id",
       [&](const Bytes& query) {
         Bytes out = NameServer::reply(query, {good});
         out[0] = static_cast<char>(out[0] ^ 1);
         return out;
       }},
      {"another question",
       [&](const Bytes& query) {
         Bytes out = NameServer::reply(query, {good});
         out[13] = static_cast<char>(out[13] ^ 1);
         return out;
       }},
      {"cut short",
       [&](const Bytes& query) { return NameServer::reply(query, {good}).substr(0, 30); }},
      {"no header", [](const Bytes&) { return Bytes("abc"); }},
      {"a name that points to itself",
       [&](const Bytes& query) {
         const Bytes self = Bytes("\xc0") + static_cast<char>(query.size());
         return NameServer::reply(query, {record(kA, 60, {10, 0, 0, 1}, self)});
       }},
      {"names that point at each other",
       [&](const Bytes& query) {
         const auto at = static_cast<char>(query.size());
         const Bytes ring = Bytes("\xc0") + static_cast<char>(at + 2) + "\xc0" + at;
         return NameServer::reply(query, {record(kA, 60, {10, 0, 0, 1}, ring)});
       }},
      {"an address of five bytes",
       [&](const Bytes& query) {
         return NameServer::reply(query, {record(kA, 60, {10, 0, 0, 1, 2}).substr(0, 16)});
       }},
      {"another name's address",
       [&](const Bytes& query) {
         return NameServer::reply(query, {record(kA, 60, {10, 0, 0, 1}, Bytes("\1x\4test\0", 8))});
       }},
  };
  for (const auto& [what, forge] : forgeries) {
    server_.answers = [&](int, const Bytes& query) { return std::vector{forge(query)}; };
    EXPECT_EQ(list(ask("a.test", Family::ipv4)), "") << what;
  }
  // And it is there to answer well: a forgery does not take the place of the answer behind it.
  server_.answers = [&](int, const Bytes& query) {
    return std::vector{forgeries.at("another id")(query), NameServer::reply(query, {good})};
  };
  EXPECT_EQ(list(ask("a.test", Family::ipv4)), "10.0.0.1;");
}

TEST_F(AresResolverTest, ARingOfAliasesIsNoAnswer) {
  const Bytes b("\1b\4test\0", 8);
  server_.records[kA] = {record(5, 60, b), record(5, 60, "\xc0\x0c", b)};
  EXPECT_NE(ask("a.test", Family::ipv4).outcome, Verdict::found);
}

TEST_F(AresResolverTest, KnowsTheHostsFile) {
  const auto answer = ask("localhost");
  EXPECT_EQ(answer.outcome, Verdict::found);
  EXPECT_TRUE(server_.names.empty());
}

TEST_F(AresResolverTest, AnAnswerThatNobodyWantsIsDropped) {
  start();
  bool called = false;
  resolver_->find_addresses("a.test", Family::ipv4, [&](const AddressAnswer&) { called = true; });
  run_until([&] { return !server_.names.empty(); });
  ask("b.test", Family::ipv4);
  EXPECT_FALSE(called);
}

TEST_F(AresResolverTest, MayEndWithQuestionsOpen) {
  server_.answers = [](int, const Bytes&) { return std::vector<Bytes>{}; };
  start();
  bool called = false;
  const auto question = resolver_->find_addresses("a.test", Family::any,
                                                  [&](const AddressAnswer&) { called = true; });
  run_until([&] { return !server_.names.empty(); });
  resolver_.reset();
}

TEST_F(AresResolverTest, ReadsResolvConfAnewWhenItHasChanged) {
  settings_.resolv_conf = testing::TempDir() + "pingap_resolv_conf";
  const auto write = [&](const char* domain) {
    std::ofstream(settings_.resolv_conf) << "search " << domain << "\n";
  };
  write("one.test");
  server_.records[kA] = {record(kA, 60, {10, 0, 0, 1})};
  ask("a", Family::ipv4);
  EXPECT_EQ(server_.names.back(), "a.one.test");
  write("second.test");
  ask("a", Family::ipv4);
  EXPECT_EQ(server_.names.back(), "a.one.test");  // it is not looked at for each question
  loop_->run_once_at(loop_->now() + seconds(6));
  ask("a", Family::ipv4);
  EXPECT_EQ(server_.names.back(), "a.second.test");
}

}  // namespace
}  // namespace pingap::upstream
