#include "base/print.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <poll.h>
#include <string>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>

namespace pingap {
namespace {

using std::chrono::milliseconds;

// What stderr is meanwhile; as large as its reader makes it.
class StderrPipe {
 public:
  StderrPipe() : before_(::dup(STDERR_FILENO)) {
    EXPECT_EQ(::pipe2(ends_.data(), O_CLOEXEC), 0);
    ::dup2(ends_[1], STDERR_FILENO);
  }

  StderrPipe(const StderrPipe&) = delete;
  StderrPipe& operator=(const StderrPipe&) = delete;

  ~StderrPipe() {
    ::dup2(before_, STDERR_FILENO);
    for (const int fd : {ends_[0], ends_[1], before_}) {
      ::close(fd);
    }
  }

  bool has_room() const {
    pollfd room{ends_[1], POLLOUT, 0};
    return ::poll(&room, 1, 0) == 1;
  }

  std::string read(size_t bytes) const {
    std::string all;
    std::array<char, 1000> some{};
    while (all.size() < bytes) {
      const ssize_t got = ::read(ends_[0], some.data(), some.size());
      if (got <= 0) {
        break;
      }
      all.append(some.data(), static_cast<size_t>(got));
    }
    return all;
  }

 private:
  const int before_;
  std::array<int, 2> ends_{};
};

std::string many_lines() {
  std::string lines;
  for (int i = 0; lines.size() < 200'000; ++i) {
    lines += "a line that is not short, number " + std::to_string(i) + "\n";
  }
  return lines;
}

TEST(Print, WaitsForASlowReaderAndLeavesRoomForTheLog) {
  const StderrPipe pipe;
  const std::string lines = many_lines();
  std::string got;
  std::thread reader([&] { got = pipe.read(lines.size()); });
  print_error(lines, std::chrono::seconds(20));
  EXPECT_TRUE(pipe.has_room());
  reader.join();
  EXPECT_EQ(got, lines);
}

TEST(Print, DoesNotWaitForAReaderThatHasStopped) {
  const StderrPipe pipe;
  const std::string lines = many_lines();
  print_error(lines, milliseconds(1));
  EXPECT_FALSE(pipe.has_room());
  const std::string got = pipe.read(40'000);
  EXPECT_TRUE(lines.starts_with(got));
}

}  // namespace
}  // namespace pingap
