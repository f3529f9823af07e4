#include "observe/log_rotation.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <utime.h>
#include <vector>
#include <zlib.h>

#include <gtest/gtest.h>

#include "observe/log_sink.h"

namespace pingap::observe {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

class LogRotation : public testing::Test {
 protected:
  LogRotation() {
    ::setenv("TZ", "XXX-1", 1);
    ::tzset();
    std::string name = testing::TempDir() + "log_rotation_XXXXXX";
    dir_ = ::mkdtemp(name.data());
  }

  ~LogRotation() override { fs::remove_all(dir_); }

  std::string path(const std::string& name) const { return dir_ + "/" + name; }

  void write(const std::string& name, const std::string& text, int days_ago = 0) const {
    std::ofstream(path(name), std::ios::binary) << text;
    const std::time_t time = std::time(nullptr) - days_ago * 86'400L;
    const utimbuf times{time, time};
    ::utime(path(name).c_str(), &times);
  }

  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(dir_)) {
      names.push_back(entry.path().filename());
    }
    std::ranges::sort(names);
    return names;
  }

  // Polls: the archiver has a thread of its own.
  bool becomes(const std::vector<std::string>& wanted) const {
    const auto until = std::chrono::steady_clock::now() + seconds(10);
    while (files() != wanted) {
      if (std::chrono::steady_clock::now() > until) {
        return false;
      }
      std::this_thread::yield();
    }
    return true;
  }

  static std::string read(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }

  static std::string unpack(const std::string& file) {
    std::string text;
    gzFile in = ::gzopen(file.c_str(), "rb");
    std::array<char, 4096> room;
    for (int got = 0; (got = ::gzread(in, room.data(), room.size())) > 0;) {
      text.append(room.data(), static_cast<size_t>(got));
    }
    ::gzclose(in);
    return text;
  }

  std::string dir_;
};

WallTime at(int64_t unix_seconds) {
  return WallTime(seconds(unix_seconds));
}

// 2026-01-02T03:04:05+01:00
constexpr int64_t kNow = 1767319445;

TEST_F(LogRotation, KnowsWhenTheNextOneIs) {
  EXPECT_EQ(next_rotation(RotateEvery::never, at(kNow)), WallTime::max());
  EXPECT_EQ(next_rotation(RotateEvery::hour, at(kNow)), at(kNow + 55 * 60 + 55));
  EXPECT_EQ(next_rotation(RotateEvery::day, at(kNow)), at(kNow - 11'045 + 86'400));
  // Exactly on the hour it is the one after.
  EXPECT_EQ(next_rotation(RotateEvery::hour, at(kNow - 245)), at(kNow - 245 + 3600));
}

TEST_F(LogRotation, NeverGoesBackWhenTheClockDoes) {
  ::setenv("TZ", "Europe/Berlin", 1);
  ::tzset();
  // 2026-10-25: at 3:00 summer time it is 2:00 again.
  for (int64_t t = 1792882800; t < 1792882800 + 5 * 3600; t += 600) {
    EXPECT_GT(next_rotation(RotateEvery::hour, at(t)), at(t));
    EXPECT_LE(next_rotation(RotateEvery::hour, at(t)), at(t) + std::chrono::hours(2));
  }
}

TEST_F(LogRotation, NamesOldFilesByTheirTime) {
  EXPECT_EQ(archive_name("/var/log/a.log", at(kNow)), "/var/log/a.log.20260102-030405");
}

TEST_F(LogRotation, KnowsItsOwnFilesFromOthers) {
  for (const char* name : {"a.log.20260102-030405", "a.log.20260102-030405-1",
                           "a.log.20260102-030405.gz", "a.log.20260102-030405-12.gz"}) {
    EXPECT_TRUE(is_archive(name, "a.log")) << name;
  }
  for (const char* name :
       {"a.log", "a.log.", "a.log.1", "a.log.20260102", "a.log.20260102-03040", "b.log",
        "a.log.20260102-030405x", "a.log.20260102-030405-", "a.log.20260102-030405.gz.part",
        "aa.log.20260102-030405", "a.log.2026010x-030405", "a.log.20260102-030405.zst"}) {
    EXPECT_FALSE(is_archive(name, "a.log")) << name;
  }
}

TEST_F(LogRotation, PutsAsideWithoutGoingOverAFile) {
  write("a.log", "three");
  write("a.log.20260102-030405", "one");
  write("a.log.20260102-030405-1.gz", "two");
  EXPECT_EQ(put_aside(path("a.log"), at(kNow)), 0);
  EXPECT_EQ(files(),
            (std::vector<std::string>{"a.log.20260102-030405", "a.log.20260102-030405-1.gz",
                                      "a.log.20260102-030405-2"}));
  EXPECT_EQ(read(path("a.log.20260102-030405-2")), "three");
  EXPECT_EQ(put_aside(path("none.log"), at(kNow)), ENOENT);
}

TEST_F(LogRotation, RemovesWhatIsTooMuchAndLeavesOtherFiles) {
  write("a.log", "");
  write("a.log.20260101-000000", "3", 3);
  write("a.log.20260102-000000.gz", "2", 2);
  write("a.log.20260103-000000", "1", 1);
  write("a.log.1", "of logrotate", 9);
  write("b.log.20260101-000000", "of another", 9);
  LogArchiver archiver;
  archiver.tidy(path("a.log"), {.max_size = 1, .keep = 2});
  EXPECT_TRUE(becomes({"a.log", "a.log.1", "a.log.20260102-000000.gz", "a.log.20260103-000000",
                       "b.log.20260101-000000"}));
}

TEST_F(LogRotation, RemovesWhatIsTooOld) {
  write("a.log.20260101-000000", "3", 8);
  write("a.log.20260103-000000", "1", 1);
  LogArchiver archiver;
  archiver.tidy(path("a.log"), {.max_size = 1, .keep = 0, .max_age = seconds(7 * 86'400)});
  EXPECT_TRUE(becomes({"a.log.20260103-000000"}));
}

TEST_F(LogRotation, PacksAllButTheNewest) {
  const std::string text(300'000, 'x');
  write("a.log.20260101-000000", text, 3);
  write("a.log.20260102-000000", "two", 2);
  write("a.log.20260103-000000", "one", 1);
  ::chmod(path("a.log.20260101-000000").c_str(), 0640);
  LogArchiver archiver;
  archiver.tidy(path("a.log"), {.max_size = 1, .keep = 9, .compress = true});
  ASSERT_TRUE(
      becomes({"a.log.20260101-000000.gz", "a.log.20260102-000000.gz", "a.log.20260103-000000"}));
  EXPECT_EQ(unpack(path("a.log.20260101-000000.gz")), text);
  struct stat info{};
  ASSERT_EQ(::stat(path("a.log.20260101-000000.gz").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0640U);
  EXPECT_LT(info.st_mtime, std::time(nullptr) - 2 * 86'400L) << "its age is that of the lines";
}

// As on a full disk, where no file can be packed: that would be the end of what makes room.
TEST_F(LogRotation, RemovesAndGoesOnWhereItCannotPack) {
  write("a.log.20260101-000000", "too many", 4);
  write("a.log.20260102-000000", "three", 3);
  write("a.log.20260103-000000", "two", 2);
  write("a.log.20260104-000000", "one", 1);
  fs::create_directory(path("a.log.20260103-000000.gz.part"));
  LogArchiver archiver;
  archiver.tidy(path("a.log"), {.max_size = 1, .keep = 3, .compress = true});
  EXPECT_TRUE(becomes({"a.log.20260102-000000.gz", "a.log.20260103-000000",
                       "a.log.20260103-000000.gz.part", "a.log.20260104-000000"}));
}

// ---- by the writer

void put(LogBuffer& buffer, std::string_view line) {
  const std::span<char> room = buffer.prepare(line.size());
  ASSERT_FALSE(room.empty());
  std::copy(line.begin(), line.end(), room.begin());
  buffer.commit(line.size());
}

TEST_F(LogRotation, OfTheWriterLosesNoLine) {
  LogWriter writer;
  writer.set_rotation({.max_size = 20'000, .keep = 0, .compress = true});
  auto sink = *writer.open(path("a.log"));
  writer.start();
  constexpr size_t kThreads = 3;
  constexpr size_t kLines = 3000;
  std::vector<std::thread> workers;
  for (size_t t = 0; t < kThreads; ++t) {
    workers.emplace_back([sink, t] {
      LogBuffer buffer(sink);
      for (size_t i = 0; i < kLines; ++i) {
        put(buffer,
            std::to_string(t) + " " + std::to_string(i) + " " + std::string(20, 'x') + "\n");
        if (i % 50 == 0) {
          buffer.flush();
          std::this_thread::yield();
        }
      }
    });
  }
  for (auto& worker : workers) {
    worker.join();
  }
  writer.stop();
  EXPECT_EQ(sink->dropped(), 0U);
  std::map<std::string, size_t> seen;
  size_t rotated = 0;
  for (const std::string& name : files()) {
    std::istringstream text(name.ends_with(".gz") ? unpack(path(name)) : read(path(name)));
    rotated += is_archive(name, "a.log") ? 1U : 0U;
    for (std::string line; std::getline(text, line);) {
      ++seen[line];
    }
  }
  EXPECT_GT(rotated, 3U);
  EXPECT_EQ(seen.size(), kThreads * kLines);
  EXPECT_TRUE(std::ranges::all_of(seen, [](const auto& one) { return one.second == 1; }));
}

TEST_F(LogRotation, OfTheWriterStartsWithAFileOfYesterday) {
  write("a.log", "yesterday\n", 1);
  LogWriter writer;
  writer.set_rotation({.every = RotateEvery::day});
  auto sink = *writer.open(path("a.log"));
  EXPECT_TRUE(writer.append(*sink, "today\n"));
  writer.stop();
  EXPECT_EQ(read(path("a.log")), "today\n");
  ASSERT_EQ(files().size(), 2U);
  EXPECT_EQ(read(path(files()[1])), "yesterday\n");
}

TEST_F(LogRotation, OfTheWriterLeavesAFileThatIsNotDue) {
  write("a.log", "now\n");
  LogWriter writer;
  writer.set_rotation({.max_size = 1000, .every = RotateEvery::day});
  auto sink = *writer.open(path("a.log"));
  EXPECT_TRUE(writer.append(*sink, "more\n"));
  writer.stop();
  EXPECT_EQ(files(), std::vector<std::string>{"a.log"});
}

TEST_F(LogRotation, OfTheWriterFollowsWhoHasRotatedBefore) {
  LogWriter writer;
  writer.set_rotation({.max_size = 10});
  auto sink = *writer.open(path("a.log"));
  writer.start();
  writer.append(*sink, "0123456789\n");
  writer.sync();
  fs::rename(path("a.log"), path("a.log.20260101-000000"));
  write("a.log", "new\n");
  writer.append(*sink, "mine\n");
  writer.sync();
  EXPECT_EQ(read(path("a.log")), "new\nmine\n");
  EXPECT_EQ(files(), (std::vector<std::string>{"a.log", "a.log.20260101-000000"}));
}

TEST_F(LogRotation, OfTheWriterOpensAFileThatWasRemovedAnew) {
  LogWriter writer;
  writer.set_rotation({.max_size = 10});
  auto sink = *writer.open(path("a.log"));
  writer.start();
  writer.append(*sink, "0123456789\n");
  writer.sync();
  fs::remove(path("a.log"));
  writer.append(*sink, "mine\n");
  writer.sync();
  EXPECT_EQ(sink->errors(), 0U);
  EXPECT_EQ(files(), std::vector<std::string>{"a.log"});
  EXPECT_EQ(read(path("a.log")), "mine\n");
}

TEST_F(LogRotation, OfTheWriterRemovesWhatIsTooOldWithoutALine) {
  write("a.log", "now\n");
  write("a.log.20260101-000000", "3", 8);
  write("a.log.20260103-000000", "1", 1);
  LogWriter writer;
  auto sink = *writer.open(path("a.log"));
  writer.start();
  writer.sync();
  writer.set_rotation({.max_size = 1000, .max_age = seconds(7 * 86'400)});
  EXPECT_TRUE(becomes({"a.log", "a.log.20260103-000000"}));
}

TEST_F(LogRotation, OfTheWriterGoesOnWhereItCannotRename) {
  if (::geteuid() == 0) {
    GTEST_SKIP() << "root may write into every folder";
  }
  LogWriter writer;
  writer.set_rotation({.max_size = 5});
  auto sink = *writer.open(path("a.log"));
  ::chmod(dir_.c_str(), 0500);
  writer.append(*sink, "12345\n");
  writer.append(*sink, "6789\n");
  writer.stop();
  ::chmod(dir_.c_str(), 0700);
  EXPECT_EQ(read(path("a.log")), "12345\n6789\n");
}

TEST_F(LogRotation, AppendsLinesFromManyThreads) {
  LogWriter writer;
  auto sink = *writer.open(path("a.log"));
  writer.start();
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        EXPECT_TRUE(writer.append(*sink, "0123456789\n"));
      }
    });
  }
  for (auto& thread : threads) {
    thread.join();
  }
  writer.sync();
  EXPECT_EQ(read(path("a.log")).size(), 3U * 500U * 11U);
}

}  // namespace
}  // namespace pingap::observe
