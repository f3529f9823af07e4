#include "upstream/discovery/docker.h"

#include <string>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "net/socket.h"

namespace pingap::upstream {
namespace {

using std::chrono::seconds;

constexpr std::string_view kHead =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";

// A daemon that begins the list and goes on with it a byte at a time.
class DockerSourceTest : public testing::Test {
 protected:
  DockerSourceTest()
      : path_(testing::TempDir() + "docker_test." + std::to_string(getpid())),
        loop_(std::move(*net::EventLoop::create())),
        daemon_(std::move(*net::listen_on(*net::Address::parse("unix:" + path_)))) {}

  ~DockerSourceTest() override { unlink(path_.c_str()); }

  net::Fd accept() {
    net::Fd client;
    for (int i = 0; i < 100 && !client; ++i) {
      loop_->run_once(std::chrono::milliseconds(10));
      client = net::Fd(accept4(daemon_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    }
    return client;
  }

  static std::string read(const net::Fd& from) {
    std::string text(4096, '\0');
    const ssize_t size = recv(from.get(), text.data(), text.size(), 0);
    text.resize(size > 0 ? static_cast<size_t>(size) : 0);
    return text;
  }

  static void send(const net::Fd& to, std::string_view text) {
    EXPECT_EQ(::send(to.get(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }

  const std::string path_;
  std::unique_ptr<net::EventLoop> loop_;
  net::Fd daemon_;
};

TEST_F(DockerSourceTest, AListThatComesInDropsIsGivenUp) {
  DockerSource source(*loop_, {"test", path_, {}, AddressFilter({}), seconds(60)});
  source.start([](const std::vector<Found>& /*found*/) { FAIL(); });
  net::Fd list = accept();
  if (read(list).find("/events") != std::string::npos) {
    list = accept();
    EXPECT_NE(read(list).find("/containers"), std::string::npos);
  }
  send(list, kHead);
  send(list, "2\r\n[ \r\n");
  const TimePoint began = loop_->now();
  for (int i = 1; i < 40 && !source.settled(); ++i) {
    send(list, "1\r\n \r\n");
    loop_->run_once(Duration::zero());
    EXPECT_LE(i, 31);
    loop_->run_once_at(began + seconds(i));
  }
  EXPECT_TRUE(source.settled());
  EXPECT_EQ(read(list), "");  // and closed
}

}  // namespace
}  // namespace pingap::upstream
