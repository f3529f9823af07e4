#include "control/command.h"

#include <filesystem>
#include <unistd.h>

#include <gtest/gtest.h>

namespace pingap::control {
namespace {

TEST(Command, ComesBackAsItWas) {
  const Command sent{"reload", {{"comment", "why: this"}, {"origin", ""}}, "a\n\nb"};
  const auto got = parse_command(to_text(sent));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->name, "reload");
  EXPECT_EQ(got->fields, sent.fields);
  EXPECT_EQ(got->body, sent.body);
  EXPECT_EQ(got->field("comment"), "why: this");
  EXPECT_EQ(got->field("none"), "");
}

TEST(Command, AFieldIsOneLine) {
  const auto got = parse_command(to_text(Command{"reload", {{"comment", "a\nname: b\r\n"}}, {}}));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->fields.size(), 1U);
}

TEST(Command, OfAnotherVersionIsNone) {
  for (const char* text :
       {"", "pingap", "pingap 2 reload\n\n", "reload\n", "pingap 1 reload\nx\n"}) {
    EXPECT_FALSE(parse_command(text)) << text;
  }
}

TEST(Answer, ComesBackAsItWas) {
  const auto got = parse_answer(to_text(Answer{ExitCode::invalid_config, "a\nb\n"}));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->code, ExitCode::invalid_config);
  EXPECT_EQ(got->text, "a\nb\n");
  for (const char* text : {"", "x\n", "256\n", "3x\n", "-1\n"}) {
    EXPECT_FALSE(parse_answer(text)) << text;
  }
}

TEST(CommandSocket, IsWhereTheConfigurationSays) {
  config::Basic basic;
  EXPECT_EQ(command_socket_of(basic, "-"), "");
  EXPECT_NE(command_socket_of(basic, "/"), "");
  EXPECT_EQ(command_socket_of(basic, "/."), command_socket_of(basic, "/"));
  basic.upgrade_sock.value = "/x/y.sock";
  EXPECT_EQ(command_socket_of(basic, "/"), "/x/y.sock");
  basic.upgrade_sock.value = "off";
  EXPECT_EQ(command_socket_of(basic, "/"), "");
}

// It may be a link that is set to another file, or be away, while a process runs.
TEST(CommandSocket, IsFoundByThePathAsItIsGiven) {
  namespace fs = std::filesystem;
  std::string folder = testing::TempDir() + "pingap_command_XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string link = folder + "/p.toml";
  const auto gone = default_command_sockets_of(link);
  ASSERT_EQ(gone.size(), 1U);
  fs::create_symlink(folder, link);
  const auto found = default_command_sockets_of(link);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0], gone[0]);
  EXPECT_EQ(found[1], default_command_sockets_of(folder + "/").back());
  EXPECT_EQ(default_command_sockets_of(folder + "/./p.toml"), found);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace pingap::control
