#include "upstream/discovery/docker.h"

#include <string>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "net/socket.h"

namespace pingap::upstream {
namespace {

using std::chrono::milliseconds;
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
      loop_->run_once(milliseconds(10));
      client = net::Fd(accept4(daemon_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    }
    const timeval patience{.tv_sec = 5, .tv_usec = 0};
    setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    return client;
  }

  static std::string read(const net::Fd& from) {
    std::string text(4096, '\0');
    const ssize_t size = recv(from.get(), text.data(), text.size(), 0);
    EXPECT_GE(size, 0) << "nothing came";
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
  DockerSource source(*loop_, {"test", path_, {}, AddressFilter(), seconds(60), milliseconds(50)});
  source.start([](const std::vector<Found>& /*found*/) { FAIL(); });
  net::Fd list = accept();
  if (read(list).find("/events") != std::string::npos) {
    list = accept();
    EXPECT_NE(read(list).find("/containers"), std::string::npos);
  }
  send(list, kHead);
  send(list, "2\r\n[ \r\n");
  const TimePoint enough = steady_now() + seconds(5);
  while (!source.settled() && steady_now() < enough) {
    send(list, "1\r\n \r\n");
    loop_->run_once(milliseconds(5));
  }
  EXPECT_TRUE(source.settled());
  loop_->run_once(Duration::zero());
  EXPECT_EQ(read(list), "");  // and closed
}

}  // namespace
}  // namespace pingap::upstream
