#include "base/file_access.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace pingap {
namespace {

namespace fs = std::filesystem;

class FileAccess : public testing::Test {
 protected:
  FileAccess() {
    std::string name = testing::TempDir() + "pingap_file_access_XXXXXX";
    folder_ = ::mkdtemp(name.data());
  }

  ~FileAccess() override { fs::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ + "/" + name; }

  int write(const std::string& name) const { return try_to_write(path(name), Symlinks::follow); }

  std::string folder_;
};

TEST_F(FileAccess, SaysWhatOpenWouldAndCreatesNothing) {
  EXPECT_EQ(write("new"), 0);
  EXPECT_FALSE(fs::exists(path("new")));
  std::ofstream(path("there")) << "x";
  EXPECT_EQ(write("there"), 0);
  EXPECT_EQ(fs::file_size(path("there")), 1u);
  EXPECT_EQ(write("none/new"), ENOENT);
  EXPECT_EQ(write("there/new"), ENOTDIR);
  EXPECT_EQ(write("new/"), EISDIR);
  EXPECT_EQ(try_to_write(folder_, Symlinks::follow), EISDIR);
  EXPECT_EQ(write(std::string(300, 'x')), ENAMETOOLONG);
}

TEST_F(FileAccess, FollowsLinksAsFarAsOpenDoes) {
  fs::create_symlink("there", path("to_file"));
  EXPECT_EQ(write("to_file"), 0);  // the target would be created
  fs::create_symlink(path("none/new"), path("to_nowhere"));
  EXPECT_EQ(write("to_nowhere"), ENOENT);
  fs::create_symlink("circle", path("circle"));
  EXPECT_EQ(write("circle"), ELOOP);
  EXPECT_EQ(try_to_write(path("to_file"), Symlinks::refuse), ELOOP);
}

TEST_F(FileAccess, KnowsWhatIsNoFile) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path("socket").copy(address.sun_path, sizeof(address.sun_path) - 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  ::close(fd);
  EXPECT_EQ(write("socket"), ENXIO);
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(write("pipe"), 0);
  EXPECT_EQ(try_to_write("/dev/null", Symlinks::follow), 0);
}

TEST_F(FileAccess, LooksWithTheEffectiveUser) {
  std::ofstream(path("locked")) << "x";
  fs::permissions(path("locked"), fs::perms::owner_read);
  fs::permissions(folder_, fs::perms::owner_read | fs::perms::owner_exec | fs::perms::others_exec);
  const bool root = ::geteuid() == 0;
  if (root) {  // who may write everywhere
    ASSERT_EQ(::seteuid(65534), 0);
  }
  EXPECT_EQ(write("locked"), EACCES);
  EXPECT_EQ(write("new"), EACCES);
  EXPECT_EQ(try_to_create(path("new")), EACCES);
  if (root) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  fs::permissions(folder_, fs::perms::owner_all);
}

TEST(FolderOf, IsTheCurrentOneWithoutASlash) {
  EXPECT_EQ(folder_of("access.log"), ".");
  EXPECT_EQ(folder_of("logs/access.log"), "logs");
  EXPECT_EQ(folder_of("/access.log"), "/");
}

}  // namespace
}  // namespace pingap
