#include "observe/log_output.h"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "observe/log_sink.h"

namespace pingap::observe {
namespace {

using Kind = LogTarget::Kind;

const log::Record kRecord{LogLevel::warn, log::component_of("src/tls/x.cc"),
                          WallTime(std::chrono::milliseconds(1767319445678)), "a \"b\"\nc\xff",
                          "id-1"};

TEST(LogOutput, KnowsItsTargets) {
  const std::pair<std::string_view, LogTarget> cases[] = {
      {"", {}},
      {"stderr", {}},
      {"/var/log/p.log", {Kind::file, "/var/log/p.log"}},
      {"journald", {Kind::journal, "/run/systemd/journal/socket"}},
      {"syslog", {Kind::syslog, "/dev/log"}},
      {"syslog:/run/s", {Kind::syslog, "/run/s"}},
      {"syslog:udp://127.0.0.1:514", {Kind::syslog, "127.0.0.1:514", true}},
      {"syslog:udp://[::1]:514", {Kind::syslog, "[::1]:514", true}},
  };
  for (const auto& [text, target] : cases) {
    const auto parsed = parse_log_target(text);
    ASSERT_TRUE(parsed.has_value()) << text;
    EXPECT_EQ(*parsed, target) << text;
  }
  for (const char* text : {"stdout", "p.log", "syslog:", "syslog:x", "syslog:udp://", "journal",
                           "syslog:udp://a.test:514", "syslog:udp://127.0.0.1",
                           "syslog:udp://127.0.0.1:0", "syslog:udp://127.0.0.1:65536"}) {
    EXPECT_FALSE(parse_log_target(text).has_value()) << text;
  }
}

TEST(LogOutput, KnowsFacilities) {
  EXPECT_EQ(find_syslog_facility("kern"), 0);
  EXPECT_EQ(find_syslog_facility("daemon"), 3);
  EXPECT_EQ(find_syslog_facility("local7"), 23);
  EXPECT_EQ(find_syslog_facility("local8"), -1);
}

TEST(LogOutput, WritesMessagesOfRfc5424) {
  EXPECT_EQ(syslog_message(kRecord, 3, "host", 42),
            "<28>1 2026-01-02T02:04:05.678Z host pingap 42 tls - [id-1] a \"b\"\\x0ac\\xff");
  EXPECT_TRUE(syslog_message({LogLevel::error, 0, {}, "x", {}}, 16, "h", 1).starts_with("<131>1 "));
  EXPECT_TRUE(syslog_message({LogLevel::info, 0, {}, "x", {}}, 16, "h", 1).starts_with("<134>1 "));
  EXPECT_TRUE(syslog_message({LogLevel::debug, 0, {}, "x", {}}, 16, "h", 1).starts_with("<135>1 "));
}

TEST(LogOutput, WritesMessagesOfTheJournal) {
  EXPECT_EQ(journal_message(kRecord),
            "MESSAGE=a \"b\"\\x0ac\\xff\nPRIORITY=4\nSYSLOG_IDENTIFIER=pingap\n"
            "PINGAP_COMPONENT=tls\nPINGAP_REQUEST_ID=id-1\n");
}

class LogOutputFiles : public testing::Test {
 protected:
  LogOutputFiles() {
    std::string name = testing::TempDir() + "log_output_XXXXXX";
    dir_ = ::mkdtemp(name.data());
  }

  ~LogOutputFiles() override { std::filesystem::remove_all(dir_); }

  std::string dir_;
  LogWriter writer_;
};

// A socket that takes datagrams at this path; the caller closes it. -1 = there is none.
int listen_at(const std::string& path) {
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy(path.begin(), path.end(), address.sun_path);
  return ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ? fd : -1;
}

TEST_F(LogOutputFiles, AppendsToAFile) {
  auto output = open_log_output({Kind::file, dir_ + "/a.log"}, 3, writer_, BadLog::refused);
  ASSERT_TRUE(output.has_value());
  EXPECT_TRUE((*output)->take(kRecord, "line\n"));
  writer_.stop();
  std::ifstream file(dir_ + "/a.log");
  std::string line;
  EXPECT_TRUE(std::getline(file, line));
  EXPECT_EQ(line, "line");
  EXPECT_FALSE(
      open_log_output({Kind::file, dir_ + "/none/a.log"}, 3, writer_, BadLog::refused).has_value());
}

TEST_F(LogOutputFiles, LeavesLinesToStderrWhileAFileFails) {
  if (::access("/dev/full", W_OK) != 0) {
    GTEST_SKIP() << "no /dev/full";
  }
  const std::string path = dir_ + "/a.log";
  std::filesystem::create_symlink("/dev/full", path);
  auto output = open_log_output({Kind::file, path}, 3, writer_, BadLog::refused);
  ASSERT_TRUE(output.has_value());
  writer_.start();
  EXPECT_TRUE((*output)->take(kRecord, "one\n"));
  writer_.sync();
  EXPECT_FALSE((*output)->take(kRecord, "two\n"));
  std::filesystem::remove(path);
  writer_.reopen();
  writer_.sync();
  EXPECT_TRUE((*output)->take(kRecord, "three\n"));
  writer_.stop();
  std::ifstream file(path);
  std::string first;
  std::string second;
  EXPECT_TRUE(std::getline(file, first) && std::getline(file, second));
  EXPECT_EQ(first + second, "onethree");
}

// What is at the journal's path of a machine with systemd.
TEST_F(LogOutputFiles, SpeaksToAJournal) {
  const std::string path = dir_ + "/s";
  const int fd = listen_at(path);
  ASSERT_GE(fd, 0);
  auto output = open_log_output({Kind::journal, path}, 3, writer_, BadLog::refused);
  ASSERT_TRUE(output.has_value());
  EXPECT_TRUE((*output)->take(kRecord, "not this\n"));
  std::array<char, 512> room;
  const ssize_t got = ::recv(fd, room.data(), room.size(), 0);
  ASSERT_GT(got, 0);
  EXPECT_EQ(std::string_view(room.data(), static_cast<size_t>(got)), journal_message(kRecord));
  ::close(fd);
}

TEST_F(LogOutputFiles, SendsToASocketThatMayGoAndComeBack) {
  const std::string path = dir_ + "/s";
  auto output = open_log_output({Kind::syslog, path}, 3, writer_, BadLog::refused);
  ASSERT_TRUE(output.has_value());
  EXPECT_FALSE((*output)->take(kRecord, "")) << "nobody is there: stderr gets it";
  for (int i = 0; i < 2; ++i) {
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy(path.begin(), path.end(), address.sun_path);
    ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_TRUE((*output)->take(kRecord, ""));
    std::array<char, 512> room;
    const ssize_t got = ::recv(fd, room.data(), room.size(), 0);
    ASSERT_GT(got, 0);
    EXPECT_TRUE(std::string_view(room.data(), static_cast<size_t>(got)).starts_with("<28>1 2026"));
    ::close(fd);
    ::unlink(path.c_str());
  }
}

TEST_F(LogOutputFiles, NeverWaitsForASocketThatIsFull) {
  const std::string path = dir_ + "/s";
  const int fd = listen_at(path);
  ASSERT_GE(fd, 0);
  auto output = open_log_output({Kind::syslog, path}, 3, writer_, BadLog::refused);
  ASSERT_TRUE(output.has_value());
  size_t taken = 0;
  while (taken < 1'000'000 && (*output)->take(kRecord, "")) {
    ++taken;
  }
  EXPECT_LT(taken, 1'000'000U);
  ::close(fd);
}

}  // namespace
}  // namespace pingap::observe
