#include "demo/backends.h"

#include <array>
#include <cerrno>
#include <string>
#include <sys/socket.h>
#include <sys/time.h>

#include <gtest/gtest.h>

#include "net/fd.h"

namespace pingap::demo {
namespace {

// A blocking client; every wait ends after ten seconds.
class Client {
 public:
  explicit Client(const net::Address& address)
      : fd_(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval limit{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    EXPECT_EQ(::connect(fd_.get(), address.get(), address.size()), 0);
  }

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      ASSERT_GT(sent, 0);
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
  }

  // Until the server closes.
  std::string read_all() {
    while (read_some()) {
    }
    return std::move(got_);
  }

  // Up to and including `end`.
  std::string read_until(std::string_view end) {
    size_t at = got_.find(end);
    while (at == std::string::npos && read_some()) {
      at = got_.find(end);
    }
    EXPECT_NE(at, std::string::npos) << got_;
    return take(at == std::string::npos ? got_.size() : at + end.size());
  }

  std::string read_bytes(size_t size) {
    while (got_.size() < size && read_some()) {
    }
    EXPECT_GE(got_.size(), size);
    return take(std::min(size, got_.size()));
  }

 private:
  bool read_some() {
    std::array<char, 65536> room;
    const ssize_t got = ::recv(fd_.get(), room.data(), room.size(), 0);
    got_.append(room.data(), got > 0 ? static_cast<size_t>(got) : 0);
    return got > 0;
  }

  std::string take(size_t size) {
    std::string taken = got_.substr(0, size);
    got_.erase(0, size);
    return taken;
  }

  net::Fd fd_;
  std::string got_;
};

class DemoBackendsTest : public testing::Test {
 protected:
  DemoBackendsTest() {
    const net::Address any(*IpAddress::parse("127.0.0.1"), 0);
    const std::array<Backend, 2> wanted = {{{any, "one"}, {any, "two"}}};
    EXPECT_TRUE(backends.start(wanted).has_value());
  }

  // The whole answer to a request on a connection of its own.
  std::string ask(std::string_view line, std::string_view more = "\r\n", size_t index = 0) {
    Client client(backends.addresses()[index]);
    client.send(std::string(line) + " HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n" +
                std::string(more));
    return client.read_all();
  }

  static std::string body_of(const std::string& answer) {
    const size_t end = answer.find("\r\n\r\n");
    return end == std::string::npos ? "" : answer.substr(end + 4);
  }

  DemoBackends backends;
};

TEST_F(DemoBackendsTest, TellsWhatItWasSent) {
  const std::string answer = ask("GET /a?b=c",
                                 "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 10.0.0.1\r\n"
                                 "X-Real-IP: 192.0.2.1\r\nAccept-Language: de\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_NE(answer.find("X-Backend: one\r\n"), std::string::npos);
  EXPECT_NE(answer.find("Content-Type: text/plain"), std::string::npos);
  EXPECT_EQ(body_of(answer),
            "backend one: GET /a?b=c HTTP/1.1\nHost: a.test\n"
            "X-Forwarded-For: 192.0.2.1, 10.0.0.1\nX-Real-IP: 192.0.2.1\n");
  EXPECT_TRUE(body_of(ask("GET /", "\r\n", 1)).starts_with("backend two: GET / HTTP/1.1\n"));
}

TEST_F(DemoBackendsTest, SpeaksJsonWhenAsked) {
  EXPECT_EQ(body_of(ask("POST /x",
                        "Accept: application/json\r\nX-Quote: say \"hi\"\r\n"
                        "Content-Length: 3\r\n\r\nabc")),
            "{\"backend\":\"one\",\"method\":\"POST\",\"path\":\"/x\",\"proto\":\"HTTP/1.1\","
            "\"headers\":{\"Host\":\"a.test\",\"X-Quote\":\"say \\\"hi\\\"\"},\"body_bytes\":3}\n");
}

TEST_F(DemoBackendsTest, TellsHowLongTheBodyWas) {
  EXPECT_TRUE(body_of(ask("POST /",
                          "Transfer-Encoding: chunked\r\n\r\n"
                          "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"))
                  .ends_with("body: 5 bytes\n"));
}

TEST_F(DemoBackendsTest, AnswersWithTheStatusOfThePath) {
  EXPECT_TRUE(ask("GET /status/503").starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
  EXPECT_TRUE(ask("GET /status/299").starts_with("HTTP/1.1 299 "));
  EXPECT_TRUE(ask("GET /status").starts_with("HTTP/1.1 200 "));
  for (const std::string_view empty : {"204", "304"}) {
    EXPECT_EQ(body_of(ask("GET /status/" + std::string(empty))), "");
  }
  for (const std::string_view wrong : {"", "x", "199", "600", "-1", "99999999999999999999"}) {
    EXPECT_TRUE(ask("GET /status/" + std::string(wrong)).starts_with("HTTP/1.1 400 ")) << wrong;
  }
}

TEST_F(DemoBackendsTest, SendsAsManyBytesAsAsked) {
  for (const size_t size :
       {size_t{0}, size_t{1}, size_t{16384}, size_t{16385}, size_t{3'000'001}}) {
    const std::string answer = ask("GET /bytes/" + std::to_string(size));
    EXPECT_NE(answer.find("Content-Length: " + std::to_string(size) + "\r\n"), std::string::npos);
    const std::string body = body_of(answer);
    ASSERT_EQ(body.size(), size);
    for (size_t i = 0; i < size; ++i) {
      ASSERT_EQ(body[i], "0123456789abcdef"[i % 16]) << i;
    }
  }
}

TEST_F(DemoBackendsTest, SendsNoBodyToHead) {
  EXPECT_EQ(body_of(ask("HEAD /")), "");
  EXPECT_EQ(body_of(ask("HEAD /stream")), "");
  const std::string answer = ask("HEAD /bytes/1000");
  EXPECT_EQ(body_of(answer), "");
  EXPECT_NE(answer.find("Content-Length: 1000\r\n"), std::string::npos);
}

TEST_F(DemoBackendsTest, WaitsBeforeItAnswers) {
  const TimePoint start = steady_now();
  EXPECT_TRUE(ask("GET /delay/60").starts_with("HTTP/1.1 200 "));
  EXPECT_GE(steady_now() - start, std::chrono::milliseconds(50));
}

TEST_F(DemoBackendsTest, StreamsLines) {
  Client client(backends.addresses()[0]);
  client.send("GET /stream HTTP/1.1\r\nHost: a.test\r\n\r\n");
  const std::string head = client.read_until("\r\n\r\n");
  EXPECT_NE(head.find("Transfer-Encoding: chunked\r\n"), std::string::npos);
  EXPECT_EQ(client.read_until("one\n\r\n"), "15\r\nline 1 of 5 from one\n\r\n");
  EXPECT_EQ(client.read_until("0\r\n\r\n").substr(0, 27), "15\r\nline 2 of 5 from one\n\r\n");
}

TEST_F(DemoBackendsTest, EchoesBodies) {
  EXPECT_EQ(body_of(ask("POST /echo", "Content-Type: x/y\r\nContent-Length: 5\r\n\r\nhello")),
            "hello");
  EXPECT_NE(ask("POST /echo", "Content-Type: x/y\r\nContent-Length: 5\r\n\r\nhello")
                .find("Content-Type: x/y\r\n"),
            std::string::npos);
  EXPECT_EQ(body_of(ask("POST /echo", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")),
            "3\r\nabc\r\n0\r\n\r\n");
  EXPECT_EQ(body_of(ask("GET /echo")), "");
}

TEST_F(DemoBackendsTest, EchoesMoreThanAWindow) {
  const std::string body(1'000'000, 'e');
  Client client(backends.addresses()[0]);
  client.send("POST /echo HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000000\r\n\r\n");
  client.read_until("\r\n\r\n");
  for (size_t at = 0; at < body.size(); at += 50'000) {
    client.send(body.substr(at, 50'000));
    EXPECT_EQ(client.read_bytes(50'000), body.substr(at, 50'000));
  }
}

TEST_F(DemoBackendsTest, AsksForABodyThatWaits) {
  Client client(backends.addresses()[0]);
  client.send(
      "POST / HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_TRUE(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 100 "));
  client.send("hi");
  EXPECT_TRUE(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 200 "));
}

TEST_F(DemoBackendsTest, KeepsConnections) {
  Client client(backends.addresses()[0]);
  for (int i = 0; i < 3; ++i) {
    client.send("GET /bytes/3 HTTP/1.1\r\nHost: a.test\r\n\r\n");
    EXPECT_TRUE(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 200 "));
    EXPECT_EQ(client.read_bytes(3), "012");
  }
}

TEST_F(DemoBackendsTest, EchoesWebSocketMessages) {
  Client client(backends.addresses()[0]);
  client.send(
      "GET /ws HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  const std::string head = client.read_until("\r\n\r\n");
  EXPECT_TRUE(head.starts_with("HTTP/1.1 101 "));
  EXPECT_NE(head.find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), std::string::npos);
  // A mask of zeros changes nothing (the parser has its own tests).
  client.send(std::string("\x81\x82\0\0\0\0hi", 8));
  EXPECT_EQ(client.read_bytes(4), "\x81\x02hi");
  client.send(std::string("\x88\x80\0\0\0\0", 6));
  EXPECT_EQ(client.read_all(), std::string("\x88\0", 2));
}

TEST_F(DemoBackendsTest, SaysThatAPathIsForWebSockets) {
  const std::string answer = ask("GET /ws");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 426 "));
  EXPECT_NE(answer.find("Upgrade: websocket\r\n"), std::string::npos);
}

TEST_F(DemoBackendsTest, RefusesWhatIsNotHttp) {
  Client client(backends.addresses()[0]);
  client.send("HELLO\r\n\r\n");
  EXPECT_TRUE(client.read_all().starts_with("HTTP/1.1 400 "));
}

TEST_F(DemoBackendsTest, StopsWithRequestsUnderWay) {
  Client waiting(backends.addresses()[0]);
  waiting.send("GET /delay/60000 HTTP/1.1\r\nHost: a.test\r\n\r\n");
  Client streaming(backends.addresses()[1]);
  streaming.send("GET /bytes/100000000 HTTP/1.1\r\nHost: a.test\r\n\r\n");
  streaming.read_bytes(1000);
  backends.stop();
  EXPECT_EQ(waiting.read_all(), "");
}

TEST(DemoBackends, SaysWhyItCannotStart) {
  const std::array<Backend, 1> wanted = {{{*net::Address::parse("192.0.2.1:1"), "one"}}};
  DemoBackends backends;
  const auto started = backends.start(wanted);
  ASSERT_FALSE(started.has_value());
  EXPECT_EQ(started.error().sys, EADDRNOTAVAIL);
}

TEST(DemoBackends, HasTheBackendsOfTheExample) {
  const std::vector<Backend> backends = default_backends();
  ASSERT_EQ(backends.size(), 3U);
  EXPECT_EQ(backends[0].address.to_string(), "127.0.0.1:9101");
  EXPECT_EQ(backends[2].name, "three");
}

}  // namespace
}  // namespace pingap::demo
