#include "plugin/custom/shared_object.h"

#include <filesystem>
#include <fstream>
#include <pingap_plugin.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace pingap::plugin {
namespace {

namespace fs = std::filesystem;

// A folder of our own: what is loaded must be where nobody else writes.
class SharedObjectTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "shared_object_XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }

  void TearDown() override { fs::remove_all(folder_); }

  std::string place(const std::string& kind) const {
    const fs::path to = folder_ / "p.so";
    fs::remove(to);
    fs::copy_file(TEST_OBJECTS + kind + ".so", to);
    ::chmod(to.c_str(), 0755);
    return to;
  }

  static std::string refusal(const std::string& path) {
    const auto loaded = SharedObject::load(path);
    return loaded ? "" : loaded.error();
  }

  static size_t descriptors() {
    return static_cast<size_t>(std::distance(fs::directory_iterator("/proc/self/fd"), {}));
  }

  fs::path folder_;
};

TEST_F(SharedObjectTest, IsLoadedWithItsTable) {
  const auto loaded = SharedObject::load(place("GOOD"));
  ASSERT_TRUE(loaded) << loaded.error();
  EXPECT_STREQ((*loaded)->table().name, "test");
  EXPECT_NE((*loaded)->table().create, nullptr);
  EXPECT_EQ((*loaded)->table().on_request, nullptr);
}

TEST_F(SharedObjectTest, WhatIsNoPluginOfThisVersionIsRefused) {
  const std::pair<const char*, const char*> cases[] = {
      {"NO_TABLE", "it has no `pingap_plugin_export`"},
      {"OTHER_MAGIC", "it has no `pingap_plugin_export`"},
      {"OTHER_VERSION", "this program has version"},
      {"SHORT_TABLE", "this program has version"},
      {"NO_END", "no `create` or no `destroy`"}};
  for (const auto& [kind, why] : cases) {
    const std::string refused = refusal(place(kind));
    EXPECT_NE(refused.find(why), std::string::npos) << kind << ": " << refused;
  }
}

TEST_F(SharedObjectTest, WhatIsNoFileIsRefused) {
  EXPECT_EQ(refusal(folder_ / "none.so"), "No such file or directory");
  EXPECT_EQ(refusal(folder_), "it is no regular file");
  const fs::path pipe = folder_ / "pipe.so";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(refusal(pipe), "it is no regular file") << "and nobody waits for its other end";
  std::ofstream(folder_ / "text.so") << "no object";
  ::chmod((folder_ / "text.so").c_str(), 0600);
  EXPECT_NE(refusal(folder_ / "text.so"), "");
  const fs::path large = folder_ / "large.so";
  std::ofstream(large) << "x";
  fs::resize_file(large, (uint64_t{256} << 20) + 1);
  ::chmod(large.c_str(), 0600);
  EXPECT_EQ(refusal(large), "it is larger than 256 MB");
}

TEST_F(SharedObjectTest, WhatOthersMayWriteIsRefused) {
  const std::string path = place("GOOD");
  ::chmod(path.c_str(), 0775);
  EXPECT_NE(refusal(path).find("chmod go-w"), std::string::npos);
  ::chmod(path.c_str(), 0755);
  ::chmod(folder_.c_str(), 0777);
  EXPECT_NE(refusal(path).find("its folder can be written by others"), std::string::npos);
  ::chmod(folder_.c_str(), 01777);
  EXPECT_EQ(refusal(path), "") << "in a folder like /tmp nobody can replace the file of another";
}

// The loader would die of a page that is not there.
TEST_F(SharedObjectTest, ACopyThatEndsTooEarlyIsRefused) {
  const uintmax_t whole = fs::file_size(place("GOOD"));
  int missing = 0;
  for (uintmax_t size = 0; size < whole; size += 61) {
    const std::string path = place("GOOD");
    fs::resize_file(path, size);
    // Behind the last part that is mapped there is nothing to miss.
    missing += refusal(path) == "a part of it is missing: it was not copied to its end" ? 1 : 0;
  }
  EXPECT_GT(missing, 10);
}

TEST_F(SharedObjectTest, WhatBecomesOfTheFileDoesNotMatter) {
  const std::string path = place("GOOD");
  const auto loaded = SharedObject::load(path);
  ASSERT_TRUE(loaded);
  std::ofstream(path, std::ios::trunc) << "something else";
  char why[8];
  void* self = (*loaded)->table().create(nullptr, nullptr, 0, why, sizeof(why));
  ASSERT_NE(self, nullptr);
  (*loaded)->table().destroy(self);
}

TEST_F(SharedObjectTest, EachLoadHasItsOwnState) {
  const auto one = SharedObject::load(place("GOOD"));
  const auto other = SharedObject::load(place("GOOD"));
  ASSERT_TRUE(one && other);
  EXPECT_NE(&(*one)->table(), &(*other)->table());
  EXPECT_NE((*one)->table().create, (*other)->table().create);
}

TEST_F(SharedObjectTest, NothingStaysOfWhatIsGone) {
  {
    const auto first = SharedObject::load(place("GOOD"));
  }
  const size_t before = descriptors();
  for (int i = 0; i < 20; ++i) {
    const auto loaded = SharedObject::load(place("GOOD"));
    ASSERT_TRUE(loaded);
    EXPECT_NE(refusal(place("NO_TABLE")), "");
  }
  EXPECT_EQ(descriptors(), before);
}

}  // namespace
}  // namespace pingap::plugin
