#include "config/expand.h"

#include <fstream>
#include <type_traits>

#include <gtest/gtest.h>

namespace pingap::config {
namespace {

std::optional<std::string> environment(const std::string& name) {
  if (name == "A") {
    return "alpha";
  }
  if (name == "EMPTY") {
    return "";
  }
  if (name == "TRICKY") {
    return "${A}";
  }
  return std::nullopt;
}

TEST(Expand, ReplacesVariables) {
  struct Case {
    const char* text;
    const char* result;
  };

  for (const Case& one : std::initializer_list<Case>{{"plain $1 $name $", "plain $1 $name $"},
                                                     {"${A}", "alpha"},
                                                     {"<${A}|${A}>", "<alpha|alpha>"},
                                                     {"${NOT_SET:-x y}", "x y"},
                                                     {"${NOT_SET:-}", ""},
                                                     {"${A:-x}", "alpha"},
                                                     {"${EMPTY}", ""},
                                                     {"${EMPTY:-x}", "x"},
                                                     {"$${A}", "${A}"},
                                                     {"a$${b", "a${b"},
                                                     {"$$", "$$"},
                                                     // What a variable holds is not expanded again.
                                                     {"${TRICKY}", "${A}"}}) {
    const auto result = expand(one.text, environment);
    ASSERT_TRUE(result) << one.text << ": " << result.error().what;
    EXPECT_EQ(*result, one.result) << one.text;
  }
}

TEST(Expand, LeavesOtherVariablesAlone) {
  for (const char* text : {"${host}", "${http_x_y}", "${1}${12}", "${Name}", "${a:-b}"}) {
    const auto result = expand(text, environment, Braces::variables);
    ASSERT_TRUE(result) << text;
    EXPECT_EQ(*result, text);
    EXPECT_NE(expand(text, environment).value_or("refused"), text);
  }
  EXPECT_EQ(*expand("${A} ${host} ${B:-x}", environment, Braces::variables), "alpha ${host} x");
  EXPECT_FALSE(expand("${NOPE}", environment, Braces::variables));
}

TEST(Expand, RefusesWhatHasNoValue) {
  struct Case {
    const char* text;
    const char* what;
  };

  for (const Case& one :
       std::initializer_list<Case>{{"${NOPE}", "the environment variable `NOPE` is not set"},
                                   {"${", "`${` without `}`"},
                                   {"a ${A", "`${` without `}`"},
                                   {"${}", "`` is not the name of an environment variable"},
                                   {"${1A}", "`1A` is not the name of an environment variable"},
                                   {"${A-x}", "`A-x` is not the name of an environment variable"},
                                   {"${A:-${B}}", "`${` inside of `${...}`"}}) {
    const auto result = expand(one.text, environment);
    ASSERT_FALSE(result) << one.text;
    EXPECT_EQ(result.error().what, one.what);
  }
}

class SecretFile : public testing::Test {
 protected:
  void write(const std::string& content) { std::ofstream(path_, std::ios::binary) << content; }

  void TearDown() override { std::filesystem::remove(path_); }

  std::filesystem::path folder_ = testing::TempDir();
  std::filesystem::path path_ = folder_ / "pingap_secret_test";
};

TEST_F(SecretFile, PlainTextIsTheSecret) {
  const auto secret = resolve_secret("hunter2", folder_);
  ASSERT_TRUE(secret);
  EXPECT_EQ(secret->reveal(), "hunter2");
}

TEST_F(SecretFile, ReadsAFileAndDropsOneNewline) {
  write("key\n\n");
  const auto absolute = resolve_secret("file:" + path_.string(), "/");
  ASSERT_TRUE(absolute);
  EXPECT_EQ(absolute->reveal(), "key\n");
  const auto relative = resolve_secret("file:pingap_secret_test", folder_);
  ASSERT_TRUE(relative);
  EXPECT_EQ(relative->reveal(), "key\n");
}

TEST_F(SecretFile, RefusesWhatIsMissingTooLargeOrNoFile) {
  EXPECT_FALSE(resolve_secret("file:no_such_file", folder_));
  EXPECT_FALSE(resolve_secret("file:.", folder_));
  EXPECT_FALSE(resolve_secret("file:/dev/zero", folder_));
  write(std::string(64 * 1024 + 1, 'x'));
  const auto secret = resolve_secret("file:pingap_secret_test", folder_);
  ASSERT_FALSE(secret);
  EXPECT_EQ(secret.error().what.find("xxx"), std::string::npos);
  write(std::string(64 * 1024, 'x'));
  EXPECT_TRUE(resolve_secret("file:pingap_secret_test", folder_));
}

TEST(Secret, MovesWithoutLeavingACopy) {
  Secret first("short");
  Secret second(std::move(first));
  EXPECT_EQ(second.reveal(), "short");
  // NOLINTNEXTLINE(bugprone-use-after-move): that nothing is left is what is tested.
  EXPECT_EQ(first.reveal(), "");
  first = std::move(second);
  EXPECT_EQ(first.reveal(), "short");
  EXPECT_FALSE(std::is_copy_constructible_v<Secret>);
}

}  // namespace
}  // namespace pingap::config
