#include "plugin/file_watch.h"

#include <filesystem>
#include <fstream>
#include <optional>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/file_state.h"

namespace pingap::plugin {
namespace {

// The background has no threads here: the test looks.
class FileWatchTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = testing::TempDir() + "file_watch_" + std::to_string(::getpid());
    write("one");
    watch_.emplace(FileWatch::Settings{"p", "words", path_, file_state(path_)}, [this] {
      ++reads_;
      return good_ ? tl::expected<void, std::string>()
                   : tl::make_unexpected(std::string("it is no good"));
    });
  }

  void TearDown() override {
    watch_.reset();
    std::filesystem::remove(path_);
  }

  void write(const std::string& text) const {
    std::filesystem::remove(path_);
    std::ofstream(path_) << text;
  }

  void look(int times = 1) {
    for (int i = 0; i < times; ++i) {
      watch_->look();
    }
  }

  std::string path_;
  std::optional<FileWatch> watch_;
  int reads_ = 0;
  bool good_ = true;
};

TEST_F(FileWatchTest, ReadsNothingThatIsAsItWas) {
  look(3);
  EXPECT_EQ(reads_, 0);
}

TEST_F(FileWatchTest, ReadsOnceWhatHasChangedAndStays) {
  write("two, longer");
  look();
  EXPECT_EQ(reads_, 0) << "it may still be written";
  look(3);
  EXPECT_EQ(reads_, 1);
}

TEST_F(FileWatchTest, WaitsForTheEndOfWhatIsWritten) {
  for (int i = 1; i < 5; ++i) {
    write(std::string(static_cast<size_t>(10 * i), 'x'));
    look();
  }
  EXPECT_EQ(reads_, 0);
  look();
  EXPECT_EQ(reads_, 1);
}

TEST_F(FileWatchTest, IsInTroubleUntilItCanBeUsed) {
  good_ = false;
  write("bad");
  look(4);
  EXPECT_EQ(reads_, 1) << "and says so once";
  ASSERT_EQ(Trouble::all().size(), 1U);
  EXPECT_EQ(Trouble::all()[0].name, "p");
  EXPECT_EQ(Trouble::all()[0].what, "the words of " + path_ + " are as before: it is no good");
  good_ = true;
  write("good again");
  look(2);
  EXPECT_TRUE(Trouble::all().empty());
}

TEST_F(FileWatchTest, ItsEndIsTheEndOfItsTrouble) {
  good_ = false;
  std::filesystem::remove(path_);
  look(2);
  EXPECT_EQ(Trouble::all().size(), 1U);
  watch_.reset();
  EXPECT_TRUE(Trouble::all().empty());
}

}  // namespace
}  // namespace pingap::plugin
