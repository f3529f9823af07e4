// security.md BA-01 to BA-04.
#include <argon2.h>
#include <array>
#include <chrono>
#include <crypt.h>
#include <fstream>
#include <future>
#include <unistd.h>

#include <fmt/format.h>

#include "http/base64.h"
#include "plugin/auth/kinds.h"
#include "plugin/auth/passwords.h"
#include "plugin/auth/test_plugin.h"
#include "plugin/background.h"

namespace pingap::plugin {
namespace {

using test::make;
using test::Request;

std::string hash_of(const char* prefix, unsigned long cost, const std::string& password) {
  char* salt = ::crypt_gensalt_ra(prefix, cost, nullptr, 0);
  void* room = nullptr;
  int size = 0;
  std::string made = ::crypt_ra(password.c_str(), salt, &room, &size);
  ::free(room);
  ::free(salt);
  return made;
}

// The least that bcrypt can do.
std::string cheap(const std::string& password) {
  return hash_of("$2b$", 4, password);
}

std::string base64(std::string_view text) {
  http::Base64Encoder encoder;
  std::string out(http::Base64Encoder::room_for(text.size()) + http::Base64Encoder::kLast, '\0');
  size_t size = encoder.encode(text, out.data());
  size += encoder.finish(out.data() + size);
  out.resize(size);
  return out;
}

std::shared_ptr<const Plugin> plugin(const std::string& users, const std::string& more = "") {
  auto made = make(kBasicAuth, fmt::format("users = [{}]\n{}", users, more));
  EXPECT_EQ(made.errors, "");
  return made.plugin;
}

int status_of(const Plugin& it, std::string_view pair) {
  return Request().with("Authorization", "Basic " + base64(pair)).finish(it);
}

TEST(BasicAuth, EveryKindOfHashWorks) {
  for (const auto& [prefix, cost] : {std::pair{"$2b$", 4UL},
                                     {"$2y$", 4UL},
                                     {"$2a$", 4UL},
                                     {"$5$", 1000UL},
                                     {"$6$", 1000UL},
                                     {"$y$", 1UL},
                                     {"$7$", 6UL}}) {
    const auto it = plugin(fmt::format("\"alice:{}\"", hash_of(prefix, cost, "secret")));
    EXPECT_EQ(status_of(*it, "alice:secret"), 0) << prefix;
    EXPECT_EQ(status_of(*it, "alice:secret"), 0) << prefix;  // from memory
    EXPECT_EQ(status_of(*it, "alice:Secret"), 401) << prefix;
    EXPECT_EQ(status_of(*it, "alice:secret "), 401) << prefix;
    EXPECT_EQ(status_of(*it, "alice:"), 401) << prefix;
    EXPECT_EQ(status_of(*it, "bob:secret"), 401) << prefix;
  }
}

std::string argon2id_of(const std::string& password) {
  std::array<char, 128> room{};
  EXPECT_EQ(::argon2id_hash_encoded(1, 8, 1, password.data(), password.size(), "saltsalt", 8, 16,
                                    room.data(), room.size()),
            ARGON2_OK);
  return room.data();
}

TEST(BasicAuth, HashesOfArgon2idWork) {
  const auto it = plugin("\"alice:" + argon2id_of("secret") +
                         "\", \"bob:$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$"
                         "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4\"");  // of its reference code
  EXPECT_EQ(status_of(*it, "alice:secret"), 0);
  EXPECT_EQ(status_of(*it, "bob:password"), 0);
  for (const char* wrong :
       {"alice:Secret", "alice:secret ", "alice:", "bob:secret", "eve:secret"}) {
    EXPECT_EQ(status_of(*it, wrong), 401) << wrong;
  }
}

TEST(BasicAuth, RefusesHashesOfArgon2ThatAreBrokenOrTooDear) {
  constexpr const char* kRest = "$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
  const auto fault = [&](const std::string& hash) {
    PasswordTable table;
    const auto added = table.add("alice:" + hash, PasswordTable::Plain::refused);
    return added ? std::string() : added.error();
  };
  for (const char* good : {"m=262144,t=16,p=1", "m=8,t=1,p=1", "m=65536,t=3,p=16"}) {
    EXPECT_EQ(fault(std::string("$argon2id$v=19$") + good + kRest), "") << good;
  }
  for (const char* dear : {"m=262145,t=1,p=1", "m=262144,t=17,p=1", "m=65536,t=3,p=17",
                           "m=8,t=4294967295,p=1", "m=999999999999999999,t=1,p=1"}) {
    EXPECT_NE(fault(std::string("$argon2id$v=19$") + dear + kRest).find("too dear"),
              std::string::npos)
        << dear;
  }
  for (const char* broken :
       {"", "m=8", "m=8,t=1", "m=8,t=1,p=0", "m=8,t=0,p=1", "m=7,t=1,p=1", "m=15,t=1,p=2",
        "t=1,m=8,p=1", "m=8,t=1,p=1,data=x", "m=,t=1,p=1", "m=8,t=1,p=1 ", "m=-8,t=1,p=1"}) {
    EXPECT_NE(fault(std::string("$argon2id$v=19$") + broken + kRest).find("broken"),
              std::string::npos)
        << broken;
  }
  for (const char* broken : {"", "$", "$$", "$c29tZXNhbHQ", "$c29tZXNhbHQ$", "$c29t$nf65EOgLrQ",
                             "$c29tZXNhbHQ=$nf65EOgLrQ", "$c29tZXNhbHQ$nf65EOgLr",
                             "$c29tZXNhbHQ$nf65EOgLrQ$", "$c29tZXNhbHQ$nf_5EOgLrQ"}) {
    EXPECT_NE(fault(std::string("$argon2id$v=19$m=8,t=1,p=1") + broken).find("broken"),
              std::string::npos)
        << broken;
  }
  for (const char* other : {"$argon2i$v=19$m=8,t=1,p=1", "$argon2d$v=19$m=8,t=1,p=1",
                            "$argon2id$v=16$m=8,t=1,p=1", "$argon2id$m=8,t=1,p=1"}) {
    EXPECT_NE(fault(std::string(other) + kRest).find("only argon2id in version 19"),
              std::string::npos)
        << other;
  }
}

TEST(BasicAuth, APlainPasswordWorks) {
  const auto it = plugin("\"alice:secret\", \"bob:" + cheap("other") + "\"",
                         "authorizations = [\"" + base64("carol:third") + "\"]");
  EXPECT_EQ(status_of(*it, "alice:secret"), 0);
  EXPECT_EQ(status_of(*it, "bob:other"), 0);
  EXPECT_EQ(status_of(*it, "carol:third"), 0);
  EXPECT_EQ(status_of(*it, "alice:other"), 401);
  EXPECT_EQ(status_of(*it, "bob:secret"), 401);
}

// BA-01
TEST(BasicAuth, ReadsExactlyOneForm) {
  const auto it = plugin("\"alice:a:b\", \"jürgen:gr\u00fc\u00dfe\", \"eve:\u00e9\"");
  EXPECT_EQ(status_of(*it, "alice:a:b"), 0);
  EXPECT_EQ(status_of(*it, "j\u00fcrgen:gr\u00fc\u00dfe"), 0);
  const std::string good = base64("alice:a:b");
  for (const char* scheme : {"Basic ", "basic ", "BASIC "}) {
    EXPECT_EQ(Request().with("Authorization", scheme + good).finish(*it), 0) << scheme;
  }
  for (const char* scheme : {"Basic  ", "Basic", "Basi ", "B ", "Bearer ", "", "Basic\t"}) {
    EXPECT_EQ(Request().with("Authorization", scheme + good).finish(*it), 401) << scheme;
  }
  for (const std::string& wrong :
       {good + " ", good.substr(1), good + "=", std::string("!!!!"), base64("alice"),
        base64(":a:b"), base64(":"), base64(""), base64("alice:a:b\n"),
        base64(std::string("alice:a:b\0", 10)), base64(std::string("ali\0ce:a:b", 10)),
        base64("alice:" + std::string(65'536, 'a')), base64("alice:" + std::string(512, 'a')),
        good.substr(0, good.size() - 1) + "\xff"}) {
    EXPECT_EQ(Request().with("Authorization", "Basic " + wrong).finish(*it), 401) << wrong;
  }
  EXPECT_EQ(Request()
                .with("Authorization", "Basic " + good)
                .with("Authorization", "Basic " + good)
                .finish(*it),
            400);
  Request none;
  EXPECT_EQ(none.finish(*it), 401);
  EXPECT_EQ(none.answered("www-authenticate"), "Basic realm=\"pingap\", charset=\"UTF-8\"");
}

// BA-02: a name that is not there is asked for a password of somebody.
TEST(BasicAuth, AnUnknownNameIsAsSlowAsAnother) {
  PasswordTable table;
  ASSERT_TRUE(table.add("alice:" + cheap("secret"), PasswordTable::Plain::allowed));
  ASSERT_TRUE(table.add("bob:plain", PasswordTable::Plain::allowed));
  for (const char* user : {"alice", "bob", "nobody", ""}) {
    EXPECT_NE(table.look(user, "guess").hash, "") << user;
    EXPECT_FALSE(table.look(user, "guess").passes) << user;
  }
  // And what it says then does not count.
  EXPECT_FALSE(table.look("nobody", "secret").counts);
  EXPECT_FALSE(table.look("bob", "secret").counts);
  EXPECT_TRUE(table.look("alice", "secret").counts);
  const auto it = plugin("\"alice:" + cheap("secret") + "\", \"bob:plain\"");
  EXPECT_EQ(status_of(*it, "nobody:secret"), 401);
  EXPECT_EQ(status_of(*it, "bob:secret"), 401);
}

TEST(BasicAuth, AnUnknownNameTakesTheSameTime) {
  const auto it = plugin("\"alice:" + hash_of("$2b$", 7, "secret") + "\"");
  const auto mean = [&](std::string_view user) {
    constexpr int kTries = 25;
    const TimePoint begin = steady_now();
    for (int i = 0; i < kTries; ++i) {
      EXPECT_EQ(status_of(*it, fmt::format("{}:{}", user, i)), 401);
    }
    return std::chrono::duration<double>(steady_now() - begin).count() / kTries;
  };
  const double known = mean("alice");
  const double unknown = mean("mallory");
  // Without a hash it would be a hundredth. Others use this machine, too: no nearer than that.
  EXPECT_GT(unknown, known / 3);
  EXPECT_LT(unknown, known * 3);
}

// BA-03
TEST(BasicAuth, TheNumberOfGuessesIsBounded) {
  const auto it = plugin("\"alice:" + cheap("secret") + "\"");
  std::promise<void> go_on;
  const std::shared_future<void> gate = go_on.get_future().share();
  for (int i = 0; i < 2; ++i) {  // both threads are busy
    ASSERT_TRUE(Background::instance().submit([gate] { gate.wait(); }));
  }
  std::deque<Request> waiting;
  const auto guess = [&](int i, const char* ip) {
    Request& request = waiting.emplace_back();
    request.x.client_ip = *IpAddress::parse(ip);
    return request.with("Authorization", "Basic " + base64(fmt::format("alice:{}", i))).run(*it);
  };
  int taken = 0;
  while (taken < 1000 && guess(taken, "192.0.2.1") == -1) {
    ++taken;
  }
  EXPECT_EQ(taken, 16);
  EXPECT_EQ(waiting.back().answered("retry-after"), "1");
  waiting.pop_back();
  EXPECT_EQ(guess(1000, "192.0.2.2"), -1);  // somebody else
  // One network of IPv6 is one client.
  taken = 0;
  while (taken < 1000 && guess(2000 + taken, fmt::format("2001:db8::{:x}", taken).c_str()) == -1) {
    ++taken;
  }
  EXPECT_EQ(taken, 16);
  waiting.pop_back();
  go_on.set_value();
  for (Request& request : waiting) {
    EXPECT_EQ(request.resume(*it), 401);
  }
  EXPECT_EQ(status_of(*it, "alice:secret"), 0);
}

TEST(BasicAuth, APairIsNotWorkedOutTwice) {
  const auto it = plugin("\"alice:" + cheap("secret") + "\"");
  ASSERT_EQ(status_of(*it, "alice:secret"), 0);
  ASSERT_EQ(status_of(*it, "alice:wrong"), 401);
  Request right;
  EXPECT_EQ(right.with("Authorization", "Basic " + base64("alice:secret")).run(*it), 0);
  Request wrong;
  EXPECT_EQ(wrong.with("Authorization", "Basic " + base64("alice:wrong")).run(*it), 401);
  Request later;
  later.at += std::chrono::seconds(61);
  EXPECT_EQ(later.with("Authorization", "Basic " + base64("alice:secret")).run(*it), -1);
  EXPECT_EQ(later.resume(*it), 0);
}

// BA-04
TEST(BasicAuth, TheBackendSeesTheNameOnly) {
  const auto it = plugin("\"alice:secret\"", "set_headers = { X-User = \"$auth_user\" }");
  Request request;
  request.with("Authorization", "Basic " + base64("alice:secret"))
      .with("X-User", "root")
      .with("X_User", "root");
  ASSERT_EQ(request.finish(*it), 0);
  EXPECT_EQ(request.sent("authorization"), "");
  EXPECT_EQ(request.sent("x-user"), "alice");
  EXPECT_EQ(request.sent("x_user"), "");
  Request kept;
  kept.with("Authorization", "Basic " + base64("alice:secret"));
  ASSERT_EQ(kept.finish(*plugin("\"alice:secret\"", "hide_credentials = false")), 0);
  EXPECT_NE(kept.sent("authorization"), "");
}

TEST(BasicAuth, TakesAChangedFileUp) {
  const std::string path = fmt::format("{}/htpasswd-{}", testing::TempDir(), ::getpid());
  const auto write = [&](const std::string& text) {
    std::ofstream(path + ".new") << text;
    ::rename((path + ".new").c_str(), path.c_str());
  };
  write("# people\n\nalice:" + cheap("one") + "\r\nbob:" + cheap("two") + "\n");
  const auto made = make(kBasicAuth, fmt::format("htpasswd = \"{}\"", path));
  ASSERT_EQ(made.errors, "");
  EXPECT_EQ(made.files, std::vector{path});
  EXPECT_EQ(status_of(*made.plugin, "alice:one"), 0);
  EXPECT_EQ(status_of(*made.plugin, "bob:two"), 0);
  write("alice:" + cheap("new") + "\n");
  const TimePoint end = steady_now() + std::chrono::seconds(20);
  while (status_of(*made.plugin, "alice:one") == 0 && steady_now() < end) {
    std::this_thread::yield();
  }
  EXPECT_EQ(status_of(*made.plugin, "alice:new"), 0);
  EXPECT_EQ(status_of(*made.plugin, "alice:one"), 401);
  EXPECT_EQ(status_of(*made.plugin, "bob:two"), 401);
  ::unlink(path.c_str());
}

TEST(BasicAuth, RefusesAConfigurationThatIsNotSafe) {
  for (const auto& [options, why] : std::vector<std::pair<std::string, std::string>>{
           {"", "nobody"},
           {"users = []", "empty"},
           {"users = [\"alice\"]", "NAME:HASH"},
           {"users = [\":topsecret\"]", "NAME:HASH"},
           {"users = [\"alice:\"]", "no password"},
           {"users = [\"alice:topsecret\", \"alice:topsecret2\"]", "twice"},
           {"users = [\"alice:$apr1$topsecret$x\"]", "too weak"},
           {"users = [\"alice:$1$topsecret$x\"]", "too weak"},
           {"users = [\"alice:{SHA}topsecret\"]", "no hash"},
           {"users = [\"alice:$9$topsecret\"]", "knows no hash"},
           {"users = [\"alice:$2b$20$topsecret6789012345678901234567890123456789012345678901\"]",
            ""},
           {"users = [\"alice:$6$rounds=99999999$topsecret$x\"]", "too long"},
           {"authorizations = [\"topsecret!\"]", "no user"},
           {"htpasswd = \"/nowhere\"", "cannot use"},
           {"users = [\"alice:topsecret\"]\nrealm = 'a\"b'", "realm"},
       }) {
    const auto made = make(kBasicAuth, options);
    EXPECT_NE(made.errors, "") << options;
    EXPECT_NE(made.errors.find(why), std::string::npos) << made.errors;
    EXPECT_EQ(made.errors.find("topsecret"), std::string::npos) << made.errors;
  }
}

TEST(BasicAuth, AFileHasHashesOnly) {
  PasswordTable table;
  const auto added = table.add_file("a:" + cheap("x") + "\nb:topsecret\n");
  ASSERT_FALSE(added);
  EXPECT_NE(added.error().find("line 2"), std::string::npos);
  EXPECT_EQ(added.error().find("topsecret"), std::string::npos);
}

}  // namespace
}  // namespace pingap::plugin
