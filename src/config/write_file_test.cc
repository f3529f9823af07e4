#include "config/write_file.h"

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace pingap::config {
namespace {

namespace fs = std::filesystem;

class WriteFile : public testing::Test {
 protected:
  WriteFile() {
    std::string name = (fs::temp_directory_path() / "write_file_test.XXXXXX").native();
    folder_ = ::mkdtemp(name.data());
  }

  ~WriteFile() override { fs::remove_all(folder_); }

  fs::path make(const char* name, std::string_view text, mode_t mode = 0644) const {
    const fs::path path = folder_ / name;
    std::ofstream(path, std::ios::binary) << text;
    ::chmod(path.c_str(), mode);
    return path;
  }

  static std::string content(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  static struct stat info(const fs::path& path) {
    struct stat result{};
    EXPECT_EQ(::lstat(path.c_str(), &result), 0) << path;
    return result;
  }

  size_t files() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(folder_), {}));
  }

  fs::path folder_;
};

TEST_F(WriteFile, ReplacesContentAndKeepsModeAndOwner) {
  for (const mode_t mode : {0600U, 0640U, 0644U, 0666U, 0755U}) {
    const fs::path path = make("a.toml", "old", mode);
    if (::geteuid() == 0) {
      ASSERT_EQ(::chown(path.c_str(), 12345, 54321), 0);
    }
    const struct stat before = info(path);
    const auto written = write_file_atomically(path, "new text\n");
    ASSERT_TRUE(written) << written.error();
    EXPECT_EQ(content(path), "new text\n");
    EXPECT_EQ(info(path).st_mode, before.st_mode);
    EXPECT_EQ(info(path).st_uid, before.st_uid);
    EXPECT_EQ(info(path).st_gid, before.st_gid);
    EXPECT_NE(info(path).st_ino, before.st_ino) << "was written in place";
    EXPECT_EQ(files(), 1U) << "something stayed behind";
  }
}

TEST_F(WriteFile, MakesANewFileForItsOwnerOnly) {
  const mode_t mask = ::umask(0777);
  EXPECT_TRUE(write_file_atomically(folder_ / "new.toml", ""));
  EXPECT_TRUE(write_file_atomically(folder_ / "open.toml", std::string(1 << 20, 'x'), 0644));
  ::umask(mask);
  EXPECT_EQ(info(folder_ / "new.toml").st_mode & 07777, 0600U);
  EXPECT_EQ(info(folder_ / "open.toml").st_mode & 07777, 0644U);
  EXPECT_EQ(content(folder_ / "new.toml"), "");
  EXPECT_EQ(content(folder_ / "open.toml"), std::string(1 << 20, 'x'));
}

TEST_F(WriteFile, TakesARelativeName) {
  const fs::path before = fs::current_path();
  fs::current_path(folder_);
  EXPECT_TRUE(write_file_atomically("plain.toml", "x"));
  fs::current_path(before);
  EXPECT_EQ(content(folder_ / "plain.toml"), "x");
}

TEST_F(WriteFile, TakesTheLongestNameThereIs) {
  const fs::path path = folder_ / std::string(255, 'n');
  const auto written = write_file_atomically(path, "x");
  ASSERT_TRUE(written) << written.error();
  EXPECT_EQ(content(path), "x");
}

TEST_F(WriteFile, FollowsLinksToTheFileOrToWhereItWouldBe) {
  fs::create_directory(folder_ / "real");
  make("real/a.toml", "old", 0640);
  fs::create_symlink("real/a.toml", folder_ / "one");
  fs::create_symlink("one", folder_ / "two");
  fs::create_symlink(folder_ / "real" / "new.toml", folder_ / "dangling");
  ASSERT_TRUE(write_file_atomically(folder_ / "two", "new"));
  ASSERT_TRUE(write_file_atomically(folder_ / "dangling", "made"));
  EXPECT_TRUE(fs::is_symlink(folder_ / "two"));
  EXPECT_TRUE(fs::is_symlink(folder_ / "one"));
  EXPECT_TRUE(fs::is_symlink(folder_ / "dangling"));
  EXPECT_EQ(content(folder_ / "real/a.toml"), "new");
  EXPECT_EQ(info(folder_ / "real/a.toml").st_mode & 07777, 0640U);
  EXPECT_EQ(content(folder_ / "real/new.toml"), "made");
}

TEST_F(WriteFile, SaysWhatItCannotDo) {
  fs::create_directory(folder_ / "folder");
  fs::create_symlink("loop", folder_ / "loop");
  ::mkfifo((folder_ / "pipe").c_str(), 0600);

  struct Case {
    const char* name;
    const char* what;
  };

  for (const Case& one :
       {Case{"folder", "it is not a regular file"}, Case{"pipe", "it is not a regular file"},
        Case{"loop", "levels of symbolic links"}, Case{"none/a.toml", "No such file or directory"},
        Case{"folder/", "not a regular file"}, Case{"none/", "No such file or directory"}}) {
    const auto written = write_file_atomically(folder_ / one.name, "x");
    ASSERT_FALSE(written) << one.name;
    EXPECT_NE(written.error().find(one.what), std::string::npos) << written.error();
    EXPECT_NE(written.error().find(one.name), std::string::npos) << written.error();
  }
  EXPECT_EQ(files(), 3U);
}

TEST_F(WriteFile, RefusesAWriteProtectedFile) {
  const fs::path path = make("a.toml", "old", 0444);
  if (::geteuid() == 0) {
    GTEST_SKIP() << "root may write everything";
  }
  EXPECT_FALSE(write_file_atomically(path, "new"));
  EXPECT_EQ(content(path), "old");
}

TEST_F(WriteFile, LeavesTheOldFileAndNothingElseWhenTheDiskIsFull) {
  const fs::path path = make("a.toml", "old");
  // A limit on the size of files fails a write half way, as a full disk does.
  struct rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  struct rlimit small = before;
  small.rlim_cur = 100'000;
  auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto written = write_file_atomically(path, std::string(200'000, 'x'));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().find("File too large"), std::string::npos) << written.error();
  EXPECT_EQ(content(path), "old");
  EXPECT_EQ(files(), 1U);
}

}  // namespace
}  // namespace pingap::config
