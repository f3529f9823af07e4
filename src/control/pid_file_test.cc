#include "control/pid_file.h"

#include <filesystem>
#include <fstream>
#include <unistd.h>

#include <gtest/gtest.h>

namespace pingap::control {
namespace {

class PidFileOf : public testing::Test {
 protected:
  PidFileOf() { std::filesystem::remove(path_); }

  ~PidFileOf() override { std::filesystem::remove(path_); }

  pid_t named() const {
    pid_t pid = 0;
    std::ifstream(path_) >> pid;
    return pid;
  }

  const std::string path_ = testing::TempDir() + "pingap-pid-file-test";
};

TEST_F(PidFileOf, IsGoneWithTheProcess) {
  {
    PidFile file(path_);
    EXPECT_TRUE(file.write());
    EXPECT_EQ(named(), ::getpid());
  }
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(PidFileOf, IsGivenBackToWhomItNamedBefore) {
  std::ofstream(path_) << "1\n";
  {
    PidFile file(path_);
    EXPECT_TRUE(file.write());
    file.give_back(1);
    EXPECT_EQ(named(), 1);
  }
  EXPECT_EQ(named(), 1);
}

TEST_F(PidFileOf, IsNotGivenToAnybodyElse) {
  PidFile file(path_);
  EXPECT_TRUE(file.write());
  file.give_back(1);
  EXPECT_EQ(named(), ::getpid());
}

}  // namespace
}  // namespace pingap::control
