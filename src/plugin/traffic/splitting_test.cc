// traffic_splitting and mirror.
#include <map>

#include "plugin/test_plugin.h"
#include "plugin/traffic/kinds.h"

namespace pingap::plugin {
namespace {

std::string chosen(const Made& made, Asked& asked) {
  EXPECT_EQ(asked.ask(*made), Verdict::next);
  return asked.upstream;
}

TEST(TrafficSplitting, FollowsTheWeights) {
  const Made made(kTrafficSplitting, "weights = { a = 90, b = 10, c = 0 }");
  std::map<std::string, int> seen;
  for (int i = 0; i < 10'000; ++i) {
    Asked asked;
    ++seen[chosen(made, asked)];
  }
  EXPECT_NEAR(seen["a"], 9000, 300);
  EXPECT_NEAR(seen["b"], 1000, 300);
  EXPECT_EQ(seen.count("c"), 0u);
  EXPECT_EQ(made.upstreams().size(), 3u);
}

TEST(TrafficSplitting, SendsAKeyTheSameWay) {
  const Made made(kTrafficSplitting, "weights = { a = 50, b = 50 }\nkey = \"$arg_user\"");
  const Made more(kTrafficSplitting, "weights = { a = 60, b = 40 }\nkey = \"$arg_user\"");
  int a = 0;
  int moved = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::string target = "/?user=" + std::to_string(i);
    Asked first(target);
    Asked again(target);
    Asked later(target);
    const std::string way = chosen(made, first);
    EXPECT_EQ(chosen(made, again), way);
    a += way == "a" ? 1 : 0;
    moved += chosen(more, later) == way ? 0 : 1;
  }
  EXPECT_NEAR(a, 500, 80);
  EXPECT_NEAR(moved, 100, 50);  // no more than have to
}

TEST(TrafficSplitting, BringsACookieBackTheSameWay) {
  const Made made(
      kTrafficSplitting,
      "weights = { blue = 1, green = 1, old = 0 }\nsticky_cookie = \"way\"\nsticky_ttl = \"1h\"");
  for (int i = 0; i < 50; ++i) {
    Asked first;
    const std::string way = chosen(made, first);
    first.respond(*made);
    const std::string cookie = first.got("set-cookie");
    EXPECT_TRUE(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600")) << cookie;
    EXPECT_EQ(cookie.find(way + ";"), std::string::npos);
    Asked again("/", {{"Cookie", "x=y; " + cookie.substr(0, cookie.find(';'))}});
    EXPECT_EQ(chosen(made, again), way);
    again.respond(*made);
    EXPECT_EQ(again.got("set-cookie"), "");
  }
  Asked secure;
  secure.x.scheme = "https";
  chosen(made, secure);
  secure.respond(*made);
  EXPECT_TRUE(secure.got("set-cookie").ends_with("; Secure"));
  Asked forged("/", {{"Cookie", "way=old"}});
  EXPECT_NE(chosen(made, forged), "old");
}

TEST(TrafficSplitting, IsNotMadeOfNonsense) {
  for (const char* options :
       {"", "weights = { }", "weights = { a = 0 }", "weights = { a = -1 }", "weights = [\"a\"]",
        "weights = { a = 1 }\nkey = \"$client_ip\"\nsticky_cookie = \"x\"",
        "weights = { a = 1 }\nsticky_cookie = \"a b\"", "weights = { a = \"x\" }"}) {
    EXPECT_TRUE(Made(kTrafficSplitting, options).failed()) << options;
  }
}

TEST(Mirror, SendsACopyWithoutABodyAtOnce) {
  const Made made(kMirror, "upstream = \"shadow\"");
  Asked asked("/x?y", {{"X-A", "1"}});
  EXPECT_EQ(asked.ask(*made), Verdict::next);
  ASSERT_EQ(asked.aside.size(), 1u);
  EXPECT_EQ(asked.aside[0], "shadow");
  Context it = asked.context();
  EXPECT_EQ((*made).request_body(it), nullptr);
}

TEST(Mirror, SendsABodyAtItsEnd) {
  const Made made(kMirror, "upstream = \"shadow\"\nmax_body = \"10\"");
  for (const auto& [pieces, copied] :
       {std::pair{std::vector<std::string>{"abc", "def"}, size_t{6}},
        std::pair{std::vector<std::string>{"0123456789"}, size_t{10}},
        std::pair{std::vector<std::string>{"01234567890"}, size_t{0}},
        std::pair{std::vector<std::string>{"0123456", "789ab", "c"}, size_t{0}}}) {
    Asked asked("/", {}, "POST");
    asked.x.request.framing = http::Framing::chunked;
    EXPECT_EQ(asked.ask(*made), Verdict::next);
    Context it = asked.context();
    BodyFilter* filter = (*made).request_body(it);
    ASSERT_NE(filter, nullptr);
    EXPECT_TRUE(filter->keeps_length());
    std::string passed;
    std::string whole;
    for (size_t i = 0; i < pieces.size(); ++i) {
      EXPECT_TRUE(asked.aside.empty());
      ByteQueue in;
      ByteQueue out;
      in.append(pieces[i]);
      whole += pieces[i];
      EXPECT_TRUE(filter->filter(in, out, i + 1 == pieces.size() ? End::yes : End::no));
      passed += out.front();
    }
    EXPECT_EQ(passed, whole);
    EXPECT_EQ(asked.aside.size(), copied > 0 ? 1u : 0u);
    EXPECT_EQ(asked.aside_size, copied);
  }
}

TEST(Mirror, LeavesOutWhatItShould) {
  const Made none(kMirror, "upstream = \"shadow\"\npercent = 0");
  Asked asked;
  asked.ask(*none);
  EXPECT_TRUE(asked.aside.empty());
  const Made made(kMirror, "upstream = \"shadow\"\nmax_body = \"10\"");
  Asked socket;
  socket.x.request.websocket = true;
  socket.ask(*made);
  EXPECT_TRUE(socket.aside.empty());
  Asked call;
  call.x.grpc = true;
  call.ask(*made);
  EXPECT_TRUE(call.aside.empty());
  Asked longer;
  longer.x.request.framing = http::Framing::length;
  longer.x.request.content_length = 11;
  longer.ask(*made);
  Context it = longer.context();
  EXPECT_EQ((*made).request_body(it), nullptr);
}

// By reason: no room, long body, endless, incomplete.
std::vector<uint64_t> omitted(const Plugin& mirror) {
  std::vector<uint64_t> times;
  for (const Plugin::LeftOut& one : mirror.left_out()) {
    times.push_back(one.times);
  }
  return times;
}

TEST(Mirror, CountsWhatItLeavesOut) {
  const std::string options = "upstream = \"shadow\"\nmax_body = \"10\"";
  const Made made(kMirror, options);
  const auto ask = [](const Plugin& mirror, auto change) {
    Asked asked;
    change(asked);
    asked.ask(mirror);
  };
  using Counts = std::vector<uint64_t>;
  EXPECT_EQ(omitted(*made), (Counts{0, 0, 0, 0}));
  ask(*made, [](Asked& asked) { asked.takes_aside = false; });
  EXPECT_EQ(omitted(*made), (Counts{1, 0, 0, 0}));
  ask(*made, [](Asked& asked) {
    asked.x.request.framing = http::Framing::length;
    asked.x.request.content_length = 11;
  });
  EXPECT_EQ(omitted(*made), (Counts{1, 1, 0, 0}));
  ask(*made, [](Asked& asked) { asked.x.grpc = true; });
  EXPECT_EQ(omitted(*made), (Counts{1, 1, 1, 0}));
  ask(*made, [](Asked& asked) { asked.x.request.framing = http::Framing::chunked; });
  EXPECT_EQ(omitted(*made), (Counts{1, 1, 1, 1}));
  ask(*made, [](Asked& /*asked*/) {});
  const Made next(kMirror, options + "\npercent = 50", &*made);
  EXPECT_EQ(omitted(*next), (Counts{1, 1, 1, 1})) << "the next one goes on";
}

TEST(Mirror, IsNotMadeOfNonsense) {
  for (const char* options : {"", "upstream = \"a\"\npercent = 101", "upstream = \"a\"\nhost = 1",
                              "upstream = \"a\"\nmax_body = \"1gb\""}) {
    EXPECT_TRUE(Made(kMirror, options).failed()) << options;
  }
}

}  // namespace
}  // namespace pingap::plugin
