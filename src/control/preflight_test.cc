#include "control/preflight.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "config/loader.h"

namespace pingap::control {
namespace {

namespace fs = std::filesystem;

class Preflight : public testing::Test {
 protected:
  Preflight() {
    std::string name = testing::TempDir() + "pingap_preflight_XXXXXX";
    folder_ = ::mkdtemp(name.data());
  }

  ~Preflight() override { fs::remove_all(folder_); }

  // What is found, without source lines. `basic` is on line 2, `server` on line 9.
  std::string look_at(const std::string& basic, const std::string& server) {
    config::Diagnostics diagnostics;
    const std::string text = "[basic]\n" + basic + "\n[upstreams.u]\naddrs = [\"127.0.0.1:1\"]\n" +
                             "[locations.l]\nupstream = \"u\"\n[servers.s]\nlocations = [\"l\"]\n" +
                             server + "\n";
    const config::Model model = config::load({{"t", text}}, diagnostics);
    const auto snapshot = proxy::build_snapshot(model, diagnostics);
    identity_ = check_machine(model, *snapshot, diagnostics, bad_logs_);
    has_errors_ = diagnostics.has_errors();
    std::string found;
    for (const config::Diagnostic& entry : diagnostics.entries()) {
      found += diagnostics.place(entry.at) + ": " + entry.what + "; " + entry.hint + "\n";
    }
    return found;
  }

  static std::string addr(const std::string& text) { return "addr = \"" + text + "\""; }

  static std::string log(const std::string& path) {
    return addr("127.0.0.1:0") + "\naccess_log = \"" + path + "\"";
  }

  std::string folder_;
  std::optional<Identity> identity_;
  bool has_errors_ = false;
  observe::BadLog bad_logs_ = observe::BadLog::refused;
};

TEST_F(Preflight, HasNothingToSayOfWhatWouldStart) {
  EXPECT_EQ(look_at("pid_file = \"" + folder_ + "/p.pid\"", log(folder_ + "/a.log json")), "");
  EXPECT_TRUE(fs::is_empty(folder_)) << "something was created";
  EXPECT_EQ(look_at("", log("stdout")), "");
}

TEST_F(Preflight, FindsFilesThatCannotBeWritten) {
  EXPECT_EQ(look_at("pid_file = \"" + folder_ + "\"", log(folder_ + "/none/a.log tiny")),
            "t:2:12: cannot write pid_file `" + folder_ + "`: Is a directory; \n" +
                "t:10:14: cannot open access_log `" + folder_ +
                "/none/a.log`: No such file or directory; create the folder `" + folder_ +
                "/none`\n");
  fs::create_symlink("p.pid", folder_ + "/link");
  EXPECT_EQ(look_at("pid_file = \"" + folder_ + "/link\"", log("")),
            "t:2:12: cannot write pid_file `" + folder_ +
                "/link`: Too many levels of symbolic links; it may not be a symbolic link\n");
}

TEST_F(Preflight, WarnsOfLogsThatAreOpenedLater) {
  bad_logs_ = observe::BadLog::later;
  look_at("", log(folder_ + "/none/a.log tiny"));
  EXPECT_FALSE(has_errors_);
}

TEST_F(Preflight, WarnsOfAPipeThatNobodyMayRead) {
  ASSERT_EQ(::mkfifo((folder_ + "/pipe").c_str(), 0600), 0);
  EXPECT_EQ(look_at("", log(folder_ + "/pipe")),
            "t:10:14: access_log `" + folder_ +
                "/pipe` is a named pipe; its lines wait, and are "
                "lost in the end, while nobody reads it\n");
}

TEST_F(Preflight, FindsAddressesThatAreNotOurs) {
  EXPECT_EQ(look_at("", addr("192.0.2.1:80")),
            "t:9:8: cannot listen on `192.0.2.1:80`: Cannot assign requested address; this machine "
            "has no such address\n");
  EXPECT_EQ(look_at("", addr("unix:" + folder_ + "/none/s")),
            "t:9:8: cannot listen on `unix:" + folder_ +
                "/none/s`: No such file or directory; create the folder `" + folder_ + "/none`\n");
  std::ofstream{folder_ + "/file"} << "x";
  EXPECT_EQ(look_at("", addr("unix:" + folder_ + "/file")),
            "t:9:8: cannot listen on `unix:" + folder_ +
                "/file`: File exists; a file that is no socket is in the way: remove it or choose "
                "another path\n");
}

TEST_F(Preflight, FindsUsersThatThereAreNot) {
  const std::string found = look_at("user = \"no-such-user\"", addr("127.0.0.1:0")) +
                            look_at("group = \"no-such-group\"", addr("127.0.0.1:0"));
  if (::geteuid() != 0) {
    EXPECT_EQ(found,
              "t:2:8: `user` and `group` are ignored: only root can become somebody else; \n"
              "t:2:9: `user` and `group` are ignored: only root can become somebody else; \n");
    return;
  }
  EXPECT_EQ(found,
            "t:2:8: there is no user `no-such-user` on this machine; \n"
            "t:2:9: there is no group `no-such-group` on this machine; \n");
}

TEST_F(Preflight, WarnsOfLogsThatTheUserCannotOpenAgain) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "needs root";
  }
  const std::string logs = log(folder_ + "/a.log");  // the folder is root's
  EXPECT_EQ(look_at("user = \"nobody\"", logs),
            "t:10:14: `nobody` cannot create a file in `" + folder_ +
                "`; after a rotation the log cannot be opened again\n");
  ASSERT_TRUE(identity_);
  EXPECT_NE(identity_->uid, 0u);
  EXPECT_EQ(::geteuid(), 0u) << "only the child may become nobody";
  ASSERT_EQ(::chown(folder_.c_str(), identity_->uid, identity_->gid), 0);
  EXPECT_EQ(look_at("user = \"nobody\"", logs), "");
}

}  // namespace
}  // namespace pingap::control
