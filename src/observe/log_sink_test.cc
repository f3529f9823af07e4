#include "observe/log_sink.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "base/trouble.h"

namespace pingap::observe {
namespace {

class LogSinkTest : public testing::Test {
 protected:
  LogSinkTest() {
    std::string name = testing::TempDir() + "log_sink_XXXXXX";
    dir_ = ::mkdtemp(name.data());
  }

  ~LogSinkTest() override { std::filesystem::remove_all(dir_); }

  std::string path(const char* name) const { return dir_ + "/" + name; }

  static std::string content(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }

  std::string dir_;
};

bool put(LogBuffer& buffer, std::string_view line) {
  const std::span<char> room = buffer.prepare(line.size());
  if (room.empty()) {
    return false;
  }
  std::memcpy(room.data(), line.data(), line.size());
  buffer.commit(line.size());
  return true;
}

size_t count_lines(std::string_view text) {
  return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

// Empty: it is in none.
std::string trouble_of(const std::string& path) {
  for (const Trouble::Report& one : Trouble::all()) {
    if (one.part == Trouble::Part::logging && one.name == path) {
      return one.what;
    }
  }
  return {};
}

std::shared_ptr<LogSink> open_or_die(LogWriter& writer, const std::string& path) {
  auto sink = writer.open(path);
  EXPECT_TRUE(sink.has_value()) << path;
  return sink.value();
}

TEST_F(LogSinkTest, WritesWhatWasFlushed) {
  LogWriter writer;
  auto sink = open_or_die(writer, path("a.log"));
  writer.start();
  LogBuffer buffer(sink);
  EXPECT_FALSE(buffer.pending());
  ASSERT_TRUE(put(buffer, "one\n"));
  ASSERT_TRUE(put(buffer, "two\n"));
  EXPECT_TRUE(buffer.pending());
  writer.sync();
  EXPECT_EQ(content(path("a.log")), "");
  buffer.flush();
  EXPECT_FALSE(buffer.pending());
  writer.sync();
  EXPECT_EQ(content(path("a.log")), "one\ntwo\n");
  EXPECT_EQ(sink->bytes(), 8U);
  EXPECT_EQ(sink->dropped(), 0U);
}

TEST_F(LogSinkTest, CreatesFilesForOwnerAndGroupOnly) {
  LogWriter writer;
  const mode_t before = ::umask(0);
  auto sink = open_or_die(writer, path("a.log"));
  ::umask(before);
  struct stat info{};
  ASSERT_EQ(::stat(path("a.log").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0640U);
}

TEST_F(LogSinkTest, SharesTheSinkOfAPath) {
  LogWriter writer;
  auto one = open_or_die(writer, path("a.log"));
  EXPECT_EQ(one, open_or_die(writer, path("a.log")));
  EXPECT_NE(one, open_or_die(writer, path("b.log")));
  EXPECT_EQ(open_or_die(writer, "stdout"), open_or_die(writer, "stdout"));
}

TEST_F(LogSinkTest, SaysWhyAPathCannotBeOpened) {
  LogWriter writer;
  auto sink = writer.open(path("missing") + "/a.log");
  ASSERT_FALSE(sink.has_value());
  EXPECT_EQ(sink.error().sys, ENOENT);
  EXPECT_EQ(writer.open(dir_).error().sys, EISDIR);
}

TEST_F(LogSinkTest, OpensLaterWhatCannotBeOpened) {
  LogWriter writer;
  EXPECT_FALSE(writer.has(path("none/a.log")));
  auto sink = *writer.open(path("none/a.log"), BadLog::later);
  EXPECT_TRUE(writer.has(path("none/a.log")));
  EXPECT_TRUE(sink->failing());
  EXPECT_EQ(trouble_of(path("none/a.log")),
            "cannot open it: No such file or directory; trying again");
  writer.start();
  {
    LogBuffer buffer(sink);
    put(buffer, "line\n");
  }
  writer.sync();
  EXPECT_TRUE(sink->failing());
  std::filesystem::create_directory(path("none"));
  writer.reopen();  // at once; else it is tried now and then
  writer.sync();
  EXPECT_EQ(content(path("none/a.log")), "line\n");
  EXPECT_FALSE(sink->failing());
  EXPECT_EQ(trouble_of(path("none/a.log")), "");
  EXPECT_EQ(sink->dropped(), 0U);
}

TEST_F(LogSinkTest, CountsLinesOfALogThatIsNeverOpened) {
  LogWriter writer;
  auto sink = *writer.open(path("none/a.log"), BadLog::later);
  writer.start();
  {
    LogBuffer buffer(sink);
    put(buffer, "one\n");
    put(buffer, "two\n");
  }
  writer.stop();
  EXPECT_EQ(sink->dropped(), 2U);
  EXPECT_FALSE(std::filesystem::exists(path("none")));
}

TEST_F(LogSinkTest, KeepsLinesOfManyThreadsWhole) {
  constexpr size_t kThreads = 4;
  constexpr size_t kLines = 5000;
  LogWriter writer;
  auto sink = open_or_die(writer, path("a.log"));
  writer.start();
  std::vector<std::thread> workers;
  for (size_t t = 0; t < kThreads; ++t) {
    workers.emplace_back([sink, t] {
      LogBuffer buffer(sink);
      for (size_t i = 0; i < kLines; ++i) {
        const std::string line =
            std::to_string(t) + " " + std::to_string(i) + std::string(i % 100, 'x') + "\n";
        put(buffer, line);
      }
    });
  }
  for (auto& worker : workers) {
    worker.join();
  }
  writer.stop();
  std::istringstream text(content(path("a.log")));
  std::array<size_t, kThreads> next{};
  std::string line;
  while (std::getline(text, line)) {
    const size_t t = static_cast<size_t>(line[0] - '0');
    ASSERT_LT(t, kThreads);
    const size_t i = next[t]++;
    ASSERT_EQ(line, std::to_string(t) + " " + std::to_string(i) + std::string(i % 100, 'x'));
  }
  for (const size_t lines : next) {
    EXPECT_EQ(lines, kLines);
  }
  EXPECT_EQ(sink->dropped(), 0U);
}

TEST_F(LogSinkTest, LosesNoLineWhenFilesAreRotated) {
  LogWriter writer;
  auto sink = open_or_die(writer, path("a.log"));
  writer.start();
  constexpr size_t kLines = 20'000;
  constexpr size_t kRotations = 20;
  LogBuffer buffer(sink);
  for (size_t i = 0; i < kLines; ++i) {
    ASSERT_TRUE(put(buffer, std::to_string(i) + "\n"));
    if (i % (kLines / kRotations) == 0) {
      std::filesystem::rename(path("a.log"), path("a.log.") + std::to_string(i));
      writer.reopen();
      buffer.flush();
      writer.sync();
    }
  }
  buffer.flush();
  writer.stop();
  std::set<std::string> seen;
  size_t lines = 0;
  for (const auto& file : std::filesystem::directory_iterator(dir_)) {
    std::istringstream text(content(file.path()));
    for (std::string line; std::getline(text, line);) {
      seen.insert(line);
      ++lines;
    }
  }
  EXPECT_EQ(lines + sink->dropped(), kLines);
  EXPECT_EQ(seen.size(), lines);
  EXPECT_EQ(sink->dropped(), 0U);
}

TEST_F(LogSinkTest, WritesOnWhenReopeningFails) {
  LogWriter writer;
  std::filesystem::create_directory(path("dir"));
  auto sink = open_or_die(writer, path("dir/a.log"));
  writer.start();
  std::filesystem::rename(path("dir"), path("old"));
  writer.reopen();
  LogBuffer buffer(sink);
  put(buffer, "line\n");
  buffer.flush();
  writer.sync();
  EXPECT_EQ(content(path("old/a.log")), "line\n");
  EXPECT_EQ(sink->errors(), 1U);
  EXPECT_EQ(trouble_of(path("dir/a.log")),
            "cannot reopen it: No such file or directory; writing on to the old file");
  std::filesystem::rename(path("old"), path("dir"));
  writer.reopen();
  writer.sync();
  EXPECT_EQ(trouble_of(path("dir/a.log")), "");
}

TEST_F(LogSinkTest, DropsAndCountsWhenTheReaderStalls) {
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
  const int reader = ::open(path("fifo").c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  LogWriter writer;
  auto sink = open_or_die(writer, path("fifo"));
  writer.start();
  const std::string line = std::string(1023, 'x') + "\n";
  size_t taken = 0;
  size_t refused = 0;
  LogBuffer buffer(sink);
  // More than queue, buffer and pipe hold; nobody reads.
  constexpr size_t kLines = (LogSink::kMaxBacklog + 40) * LogBlock::kSize / 1024;
  for (size_t i = 0; i < kLines; ++i) {
    (put(buffer, line) ? taken : refused) += 1;
  }
  EXPECT_GT(refused, 0U);
  EXPECT_EQ(sink->dropped(), refused);
  // The reader wakes up: all that was taken arrives.
  std::thread drain([&] {
    std::array<char, 65536> room;
    size_t bytes = 0;
    while (bytes < taken * line.size()) {
      const ssize_t got = ::read(reader, room.data(), room.size());
      if (got > 0) {
        bytes += static_cast<size_t>(got);
      } else if (got == 0) {
        break;
      } else {
        std::this_thread::yield();
      }
    }
    EXPECT_EQ(bytes, taken * line.size());
  });
  while (buffer.pending()) {
    buffer.flush();
    std::this_thread::yield();
  }
  writer.sync();
  drain.join();
  writer.stop();
  EXPECT_EQ(sink->dropped(), refused);
  ::close(reader);
}

TEST_F(LogSinkTest, KeepsOtherSinksGoingWhileOneStalls) {
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
  const int reader = ::open(path("fifo").c_str(), O_RDONLY | O_NONBLOCK);
  LogWriter writer;
  auto stalled = open_or_die(writer, path("fifo"));
  auto fine = open_or_die(writer, path("a.log"));
  writer.start();
  LogBuffer first(stalled);
  for (int i = 0; i < 1000; ++i) {
    put(first, std::string(1023, 'x') + "\n");
  }
  LogBuffer second(fine);
  put(second, "line\n");
  second.flush();
  writer.sync();
  EXPECT_EQ(content(path("a.log")), "line\n");
  ::close(reader);  // and the end does not wait for a reader that is gone
}

TEST_F(LogSinkTest, CountsErrorsAndGoesOnWhenTheDiskIsFull) {
  if (::access("/dev/full", W_OK) != 0) {
    GTEST_SKIP() << "no /dev/full";
  }
  std::filesystem::create_symlink("/dev/full", path("a.log"));
  LogWriter writer;
  auto sink = open_or_die(writer, path("a.log"));
  writer.start();
  LogBuffer buffer(sink);
  put(buffer, "one\n");
  buffer.flush();
  writer.sync();
  EXPECT_EQ(sink->errors(), 1U);
  EXPECT_EQ(sink->dropped(), 0U);
  EXPECT_TRUE(sink->failing());
  EXPECT_EQ(trouble_of(path("a.log")), "cannot write: No space left on device; trying again");
  // Room again (here: another file); the line was kept.
  std::filesystem::remove(path("a.log"));
  writer.reopen();
  writer.sync();
  EXPECT_EQ(content(path("a.log")), "one\n");
  EXPECT_FALSE(sink->failing());
  EXPECT_EQ(trouble_of(path("a.log")), "");
}

TEST_F(LogSinkTest, CountsWhatIsLostAtTheEnd) {
  if (::access("/dev/full", W_OK) != 0) {
    GTEST_SKIP() << "no /dev/full";
  }
  LogWriter writer;
  auto sink = open_or_die(writer, "/dev/full");
  writer.start();
  {
    LogBuffer buffer(sink);
    put(buffer, "one\n");
    put(buffer, "two\n");
  }
  writer.stop();
  EXPECT_EQ(sink->dropped(), 2U);
}

TEST_F(LogSinkTest, WritesWhatIsLeftAtTheEnd) {
  {
    LogWriter writer;
    writer.start();
    LogBuffer buffer(open_or_die(writer, path("a.log")));
    put(buffer, "one\n");
  }
  EXPECT_EQ(content(path("a.log")), "one\n");
}

TEST_F(LogSinkTest, WritesWithoutAThreadAtTheEnd) {
  {
    LogWriter writer;
    LogBuffer buffer(open_or_die(writer, path("a.log")));
    put(buffer, "one\n");
  }
  EXPECT_EQ(content(path("a.log")), "one\n");
}

TEST_F(LogSinkTest, ClosesASinkThatNobodyHolds) {
  LogWriter writer;
  writer.start();
  std::weak_ptr<LogSink> gone = open_or_die(writer, path("a.log"));
  writer.sync();
  writer.sync();
  EXPECT_TRUE(gone.expired());
  auto again = open_or_die(writer, path("a.log"));
  writer.sync();
  writer.sync();
  EXPECT_EQ(again, open_or_die(writer, path("a.log")));
}

TEST_F(LogSinkTest, TakesABlockFullOfLines) {
  LogWriter writer;
  auto sink = open_or_die(writer, path("a.log"));
  writer.start();
  const std::string big(LogBlock::kSize - 1, 'x');
  {
    LogBuffer buffer(sink);
    for (int i = 0; i < 40; ++i) {
      ASSERT_TRUE(put(buffer, big + "\n"));
    }
  }
  writer.stop();
  EXPECT_EQ(count_lines(content(path("a.log"))), 40U);
  EXPECT_EQ(sink->bytes(), 40 * LogBlock::kSize);
}

}  // namespace
}  // namespace pingap::observe
