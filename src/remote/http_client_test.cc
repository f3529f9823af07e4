#include "remote/http_client.h"

#include <atomic>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>

#include "net/fd.h"

namespace pingap::remote {
namespace {

using std::chrono::seconds;

// Takes one connection after the other; each is told the same, and stays open if nothing is said.
class Server {
 public:
  explicit Server(std::string answer)
      : answer_(std::move(answer)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* any = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener_.get(), any, size), 0);
    EXPECT_EQ(::listen(listener_.get(), 8), 0);
    EXPECT_EQ(::getsockname(listener_.get(), any, &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }

  ~Server() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/x"; }

 private:
  void serve() {
    std::vector<net::Fd> open;
    while (true) {
      net::Fd fd(::accept(listener_.get(), nullptr, nullptr));
      if (!fd) {
        return;
      }
      std::array<char, 4096> buffer;
      if (::recv(fd.get(), buffer.data(), buffer.size(), 0) <= 0) {
        continue;  // the client has been ended before it could ask
      }
      EXPECT_EQ(::send(fd.get(), answer_.data(), answer_.size(), MSG_NOSIGNAL),
                static_cast<ssize_t>(answer_.size()));
      if (answer_.empty()) {
        open.push_back(std::move(fd));
      }
    }
  }

  std::string answer_;
  net::Fd listener_;
  uint16_t port_ = 0;
  std::thread thread_;
};

HttpRequest request_to(const Server& server) {
  HttpRequest request;
  request.url = server.url();
  request.body = "{}";
  request.timeout = seconds(10);
  request.max_body = 100;
  return request;
}

using Kind = HttpFailure::Kind;

TEST(HttpClient, GivesAnAnswerOfAnyStatus) {
  const Server server("HTTP/1.1 503 No\r\nContent-Length: 5\r\nConnection: close\r\n\r\nsorry");
  HttpClient client({});
  const auto answer = client.post(request_to(server), {});
  ASSERT_TRUE(answer) << answer.error().what;
  EXPECT_EQ(answer->status, 503);
  EXPECT_EQ(answer->body, "sorry");
}

TEST(HttpClient, GoesNowhereElse) {
  const Server server(
      "HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n"
      "Connection: close\r\n\r\n");
  HttpClient client({});
  EXPECT_EQ(client.post(request_to(server), {})->status, 307);
}

TEST(HttpClient, TakesNoMoreThanItWasTold) {
  const Server server("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + std::string(101, 'x'));
  HttpClient client({});
  const auto answer = client.post(request_to(server), {});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, Kind::too_large);
}

TEST(HttpClient, SaysWhetherTheServerMayHaveActed) {
  const Server server("HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\nhalf");
  HttpClient client({});
  HttpRequest request = request_to(server);
  EXPECT_EQ(client.post(request, {}).error().kind, Kind::broken);
  request.url = "http://127.0.0.1:1/";
  EXPECT_EQ(client.post(request, {}).error().kind, Kind::not_sent);
  request.url = "file:///etc/passwd";
  EXPECT_EQ(client.post(request, {}).error().kind, Kind::not_sent);
}

TEST(HttpClient, IsStoppedWhileItWaits) {
  const Server server("");
  HttpClient client({});
  HttpRequest request = request_to(server);
  request.timeout = milliseconds(0);
  std::stop_source stop;
  std::atomic<int> ticks{0};
  const auto tick = [&]() -> std::optional<milliseconds> {
    if (++ticks == 2) {
      stop.request_stop();
    }
    return milliseconds(1);
  };
  const auto data = [](long /*status*/, std::string_view /*piece*/) { return true; };
  const auto status = client.listen(request, stop.get_token(), {data, tick});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind, Kind::stopped);
}

TEST(HttpClient, IsWokenByAnotherThread) {
  const Server server("");
  HttpClient client({});
  HttpRequest request = request_to(server);
  std::atomic<bool> woken{false};
  std::thread other;
  const auto tick = [&]() -> std::optional<milliseconds> {
    if (!other.joinable()) {
      other = std::thread([&] {
        woken = true;
        client.wake();
      });
    }
    return woken ? std::nullopt : std::optional(seconds(60));
  };
  const auto data = [](long /*status*/, std::string_view /*piece*/) { return true; };
  EXPECT_TRUE(client.listen(request, {}, {data, tick}));
  other.join();
}

}  // namespace
}  // namespace pingap::remote
