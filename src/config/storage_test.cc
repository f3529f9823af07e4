#include "config/storage.h"

#include <fstream>
#include <unistd.h>

#include <gtest/gtest.h>

#include "config/loader_fixture.h"

namespace pingap::config {
namespace {

namespace fs = std::filesystem;

class Folder : public testing::Test {
 protected:
  void SetUp() override {
    path_ = fs::temp_directory_path() / ("pingap-storage-" + std::to_string(::getpid()));
    fs::create_directories(path_);
  }

  void TearDown() override { fs::remove_all(path_); }

  fs::path path_;
};

using StorageFolder = Folder;

TEST_F(StorageFolder, GivesBackWhatItWasGiven) {
  FileStorage storage(path_.string());
  const std::vector<Text> texts = {{"", "a = 1\n", "basic.toml"},
                                   {"", "b = 2\n", "upstreams/api.toml"}};
  ASSERT_TRUE(storage.write(texts, {}));
  Diagnostics diagnostics;
  const auto read = storage.read(diagnostics).texts;
  EXPECT_EQ(compare(texts, read).size(), 0u);
  EXPECT_EQ(read.back().name, (path_ / "upstreams/api.toml").string());
}

TEST_F(StorageFolder, LetsGoOfWhatIsNotThereAnyMore) {
  std::ofstream(path_ / "notes.txt") << "mine";
  FileStorage storage(path_.string());
  ASSERT_TRUE(storage.write({{"", "a", "a.toml"}, {"", "b", "b.toml"}}, {}));
  ASSERT_TRUE(storage.write({{"", "a", "a.toml"}}, {}));
  EXPECT_FALSE(fs::exists(path_ / "b.toml"));
  EXPECT_TRUE(fs::exists(path_ / "notes.txt"));
}

TEST_F(StorageFolder, IsOneFileToo) {
  FileStorage storage((path_ / "x.toml").string());
  EXPECT_EQ(storage.peek()->texts.size(), 0u) << "nothing is there, which is no error";
  ASSERT_TRUE(storage.write({{"", "a = 1\n", std::string(kWholePath)}}, {}));
  EXPECT_EQ(storage.peek()->texts.at(0).text, "a = 1\n");
  EXPECT_FALSE(storage.write({{"", "", "a.toml"}, {"", "", "b.toml"}}, {}));
}

TEST(Storage, ComparesByPath) {
  using How = TextChange::How;
  EXPECT_EQ(compare({{"", "1", "a"}, {"", "1", "b"}, {"", "1", "c"}},
                    {{"", "1", "a"}, {"", "2", "b"}, {"", "1", "d"}}),
            (std::vector<TextChange>{
                {How::change, "b", "2"}, {How::add, "d", "1"}, {How::remove, "c", ""}}));
}

TEST(Loader, TakesTextsWithoutTheirHeaderByTheirPlace) {
  Diagnostics diagnostics;
  const Model model =
      load({{"b", "threads = 3\n", "basic.toml"},
            {"u", "addrs = [\"127.0.0.1:1\"]\n[health]\npath = \"/\"\n", "upstreams/api.toml"},
            {"l", "upstream = \"api\"\n", "locations/l.toml"},
            {"s", "addr = \"127.0.0.1:2\"\nlocations = [\"l\"]\n", "servers/s.toml"},
            {"w", "[upstreams.other]\naddrs = [\"127.0.0.1:3\"]\n", "upstreams/x.toml"}},
           diagnostics, fixture::environment);
  EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.render();
  EXPECT_EQ(model.basic.threads, 3u);
  ASSERT_NE(model.find_upstream("api"), nullptr);
  EXPECT_TRUE(model.find_upstream("api")->health.has_value());
  EXPECT_NE(model.find_upstream("other"), nullptr) << "a header counts more than the place";
  EXPECT_EQ(model.servers.at(0).name, "s");
}

TEST(Loader, SaysWhereInATextWithoutHeader) {
  Diagnostics diagnostics;
  load({{"etcd:/p/upstreams/api.toml", "\naddrs = 1\n", "upstreams/api.toml"}}, diagnostics,
       fixture::environment);
  EXPECT_NE(diagnostics.render().find("etcd:/p/upstreams/api.toml:2:9: error:"), std::string::npos)
      << diagnostics.render();
}

}  // namespace
}  // namespace pingap::config
