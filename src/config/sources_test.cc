#include <filesystem>
#include <fstream>
#include <string>
#include <sys/stat.h>

#include <gtest/gtest.h>

#include "config/loader.h"

namespace pingap::config {
namespace {

namespace fs = std::filesystem;

class Sources : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "pingap_sources_XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
  }

  void TearDown() override { fs::remove_all(root_); }

  void write(const std::string& name, const std::string& text) {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name, std::ios::binary) << text;
  }

  // "name=text" of each, the folder left out.
  std::string read(const fs::path& path) {
    std::string out;
    for (const Text& text : read_sources(path, diagnostics_)) {
      out += fs::path(text.name).lexically_relative(root_).native() + "=" + text.text + " ";
    }
    return out;
  }

  // What was said, the folder left out.
  std::string said() {
    std::string text = diagnostics_.render();
    for (size_t at = text.find(root_.native()); at != std::string::npos;
         at = text.find(root_.native())) {
      text.replace(at, root_.native().size(), "ROOT");
    }
    return text;
  }

  fs::path root_;
  Diagnostics diagnostics_;
};

TEST_F(Sources, ReadsOneFile) {
  write("any.name", "text");
  EXPECT_EQ(read(root_ / "any.name"), "any.name=text ");
  EXPECT_EQ(said(), "");
}

TEST_F(Sources, ReadsAFolderSortedAndDeep) {
  write("b.toml", "2");
  write("a/z.toml", "1");
  write("c.toml", "3");
  write("notes.txt", "no");
  write("b.toml~", "no");
  write(".hidden.toml", "no");
  write(".git/x.toml", "no");
  EXPECT_EQ(read(root_), "a/z.toml=1 b.toml=2 c.toml=3 ");
  EXPECT_EQ(said(), "");
}

// As Kubernetes mounts a ConfigMap: links into a hidden folder inside of the folder.
TEST_F(Sources, FollowsLinksInsideOfTheFolder) {
  write("..2025/a.toml", "text");
  fs::create_directory_symlink("..2025", root_ / "..data");
  fs::create_symlink("..data/a.toml", root_ / "a.toml");
  EXPECT_EQ(read(root_), "a.toml=text ");
  EXPECT_EQ(said(), "");
}

TEST_F(Sources, RefusesLinksOutOfTheFolder) {
  write("in/a.toml", "text");
  write("out/b.toml", "other");
  write("in-too/c.toml", "other");
  fs::create_symlink("../out/b.toml", root_ / "in/b.toml");
  fs::create_symlink("../in-too/c.toml", root_ / "in/c.toml");
  fs::create_directory_symlink("../out", root_ / "in/folder");
  EXPECT_EQ(read(root_ / "in"), "in/a.toml=text ");
  EXPECT_NE(said().find("`ROOT/in/b.toml` links to a file outside of the folder"),
            std::string::npos)
      << said();
  EXPECT_NE(said().find("`ROOT/in/c.toml` links to a file outside of the folder"),
            std::string::npos)
      << said();
  EXPECT_EQ(diagnostics_.errors(), 2u);
}

TEST_F(Sources, ADanglingLinkOrAFifoIsAnErrorAndDoesNotBlock) {
  write("a.toml", "text");
  fs::create_symlink("nowhere", root_ / "b.toml");
  ASSERT_EQ(::mkfifo((root_ / "c.toml").c_str(), 0600), 0);
  EXPECT_EQ(read(root_), "a.toml=text ");
  EXPECT_EQ(diagnostics_.errors(), 2u);
  EXPECT_NE(said().find("`ROOT/c.toml` is not a regular file"), std::string::npos) << said();
}

TEST_F(Sources, SaysWhatIsMissing) {
  EXPECT_EQ(read(root_ / "none.toml"), "");
  EXPECT_EQ(said(), "error: cannot open `ROOT/none.toml`: No such file or directory\n");
  fs::create_directory(root_ / "empty");
  read(root_ / "empty");
  EXPECT_NE(said().find("error: there is no *.toml file in `ROOT/empty`\n"), std::string::npos);
}

TEST_F(Sources, RefusesMoreThanEightMebibytes) {
  write("a.toml", std::string(5 << 20, '#'));
  write("b.toml", std::string(5 << 20, '#'));
  read(root_);
  EXPECT_EQ(said(), "error: the configuration is too large at `ROOT/b.toml`; 8 MiB in all\n");
  Diagnostics endless;
  EXPECT_TRUE(read_sources("/dev/zero", endless).empty());
  EXPECT_EQ(endless.errors(), 1u);
}

TEST_F(Sources, WarnsOfFilesThatEveryoneMayWrite) {
  write("a.toml", "text");
  fs::permissions(root_ / "a.toml", fs::perms(0666));
  fs::permissions(root_, fs::perms(0777));
  EXPECT_EQ(read(root_), "a.toml=text ");
  EXPECT_EQ(said(),
            "warning: `ROOT` can be written by everyone; chmod o-w\n"
            "warning: `ROOT/a.toml` can be written by everyone; chmod o-w\n");
}

TEST_F(Sources, PositionsNameTheRightFile) {
  write("a.toml", "[basic]\nthreads = 1\n");
  write("b.toml", "\n[basic]\nthreds = 1\n");
  load(read_sources(root_, diagnostics_), diagnostics_);
  EXPECT_NE(said().find("ROOT/b.toml:3:1: error: unknown key `threds` in [basic]"),
            std::string::npos)
      << said();
}

}  // namespace
}  // namespace pingap::config
