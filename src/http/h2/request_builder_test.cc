#include "http/h2/request_builder.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace pingap::http::h2 {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

class Building : public testing::Test {
 protected:
  // A GET of "/x" at a.test with `more` fields.
  ErrorCode get(const Fields& more, End end = End::yes) {
    return build(
        {{":method", "GET"}, {":scheme", "http"}, {":path", "/x"}, {":authority", "a.test"}}, more,
        end);
  }

  ErrorCode build(const Fields& pseudo, const Fields& more, End end = End::yes) {
    for (const Fields* fields : {&pseudo, &more}) {
      for (const auto& [name, value] : *fields) {
        // The library's memory is gone after each field.
        std::string n = name;
        std::string v = value;
        builder_.add({hpack::identify(n), v});
        n.assign(n.size(), '?');
        v.assign(v.size(), '?');
      }
    }
    return builder_.finish(end, head_);
  }

  RequestBuilder builder_;
  RequestHead head_;
};

TEST_F(Building, MakesAHead) {
  ASSERT_EQ(get({{"accept", "*/*"}, {"x-odd", "1"}}), ErrorCode::none);
  EXPECT_EQ(head_.method, Method::get);
  EXPECT_EQ(head_.method_text, "GET");
  EXPECT_EQ(head_.target, "/x");
  EXPECT_EQ(head_.authority, "a.test");
  EXPECT_EQ(head_.host, "a.test");
  EXPECT_EQ(head_.framing, Framing::none);
  EXPECT_EQ(head_.headers.get(HeaderId::accept), "*/*");
  EXPECT_EQ(head_.headers.get("X-Odd"), "1");
}

TEST_F(Building, KnowsHowTheBodyEnds) {
  ASSERT_EQ(get({}, End::no), ErrorCode::none);
  EXPECT_EQ(head_.framing, Framing::chunked);
}

TEST_F(Building, TakesTheLengthThatIsSaid) {
  ASSERT_EQ(get({{"content-length", "7"}}, End::no), ErrorCode::none);
  EXPECT_EQ(head_.framing, Framing::length);
  EXPECT_EQ(head_.content_length, 7U);
}

TEST_F(Building, RefusesALengthThatIsNoNumber) {
  EXPECT_EQ(get({{"content-length", "+7"}}, End::no), ErrorCode::bad_content_length);
}

TEST_F(Building, JoinsCrumbs) {
  ASSERT_EQ(get({{"cookie", "a=1"}, {"accept", "x"}, {"cookie", "b=2"}, {"cookie", "c=3"}}),
            ErrorCode::none);
  EXPECT_EQ(head_.headers.get(HeaderId::cookie), "a=1; b=2; c=3");
  size_t cookies = 0;
  for (const Field& field : head_.headers.fields()) {
    cookies += field.id == HeaderId::cookie && !field.removed() ? 1U : 0U;
  }
  EXPECT_EQ(cookies, 1U);
}

TEST_F(Building, TakesHostWhereThereIsNoAuthority) {
  ASSERT_EQ(build({{":method", "GET"}, {":scheme", "http"}, {":path", "/"}}, {{"host", "b.test"}}),
            ErrorCode::none);
  EXPECT_EQ(head_.authority, "b.test");
}

TEST_F(Building, RefusesTwoNamesOfTheServer) {
  EXPECT_EQ(get({{"host", "b.test"}}), ErrorCode::bad_host);
}

TEST_F(Building, TakesHostThatSaysTheSame) {
  EXPECT_EQ(get({{"host", "A.test"}}), ErrorCode::none);
}

TEST_F(Building, RefusesNoNameAtAll) {
  EXPECT_EQ(build({{":method", "GET"}, {":scheme", "http"}, {":path", "/"}}, {}),
            ErrorCode::bad_host);
}

TEST_F(Building, MovesALargeHeadWhole) {
  Fields many;
  for (int i = 0; i < 30; ++i) {
    many.emplace_back("x-" + std::to_string(i), std::string(900, static_cast<char>('a' + i % 26)));
    many.emplace_back("cookie", "k" + std::to_string(i) + "=" + std::to_string(i));
  }
  ASSERT_EQ(get(many), ErrorCode::none);
  EXPECT_EQ(head_.target, "/x");
  EXPECT_EQ(head_.host, "a.test");
  for (int i = 0; i < 30; ++i) {
    EXPECT_EQ(head_.headers.get("x-" + std::to_string(i)),
              std::string(900, static_cast<char>('a' + i % 26)));
  }
  EXPECT_TRUE(head_.headers.get(HeaderId::cookie).starts_with("k0=0; k1=1; "));
  EXPECT_TRUE(head_.headers.get(HeaderId::cookie).ends_with("; k29=29"));
}

TEST_F(Building, RefusesMoreFieldsThanItMayKeep) {
  Fields many(limits::kFields + 1, {"x", "y"});
  EXPECT_EQ(get(many), ErrorCode::too_many_headers);
}

TEST(RequestBuilder, HeedsLowerLimits) {
  const auto build = [](size_t fields, size_t bytes) {
    RequestBuilder builder({.bytes = 1024, .fields = 3, .target = limits::kTarget});
    for (const auto& [name, value] :
         Fields{{":method", "GET"}, {":path", "/"}, {":authority", "a.test"}}) {
      builder.add({hpack::identify(name), value});
    }
    for (size_t i = 0; i < fields; ++i) {
      builder.add({hpack::identify("x"), std::string(bytes, 'y')});
    }
    RequestHead head;
    return builder.finish(End::yes, head);
  };
  EXPECT_EQ(build(3, 100), ErrorCode::none);
  EXPECT_EQ(build(4, 100), ErrorCode::too_many_headers);
  EXPECT_EQ(build(3, 400), ErrorCode::head_too_large);
}

TEST(RequestBuilder, HeedsNoHigherLimits) {
  RequestBuilder builder({.bytes = 1 << 20, .fields = 1000, .target = limits::kTarget});
  builder.add({hpack::identify("x"), std::string(limits::kRequestHead, 'y')});
  RequestHead head;
  EXPECT_EQ(builder.finish(End::yes, head), ErrorCode::head_too_large);
}

TEST(RequestBuilder, TakesTargetsOfTheWebOnly) {
  struct Case {
    std::string_view method;
    std::string_view scheme;
    std::string_view path;
    ErrorCode why;
  };

  constexpr Case kCases[] = {
      {"GET", "HTTPS", "/", ErrorCode::none},      {"OPTIONS", "http", "*", ErrorCode::none},
      {"GET", "http", "*", ErrorCode::bad_target}, {"GET", "http", "x", ErrorCode::bad_target},
      {"GET", "odd", "/", ErrorCode::bad_target},  {"GET", "odd", "x", ErrorCode::bad_target},
      {"GET", "http", "", ErrorCode::bad_target},
  };
  for (const Case& c : kCases) {
    RequestBuilder builder;
    builder.add({hpack::identify(":method"), c.method});
    builder.add({hpack::identify(":scheme"), c.scheme});
    builder.add({hpack::identify(":path"), c.path});
    builder.add({hpack::identify(":authority"), "a.test"});
    RequestHead head;
    EXPECT_EQ(builder.finish(End::yes, head), c.why) << c.method << c.scheme << c.path;
  }
}

TEST_F(Building, RemembersHowItBegan) {
  EXPECT_EQ(RequestBuilder().first_line(), "");
  RequestBuilder pathless;
  pathless.add({hpack::identify(":method"), "GET"});
  EXPECT_EQ(pathless.first_line(), "GET  HTTP/2.0\r\n");
  get({{"x-large", std::string(20'000, 'y')}});
  EXPECT_EQ(builder_.first_line(), "GET /x HTTP/2.0\r\n");
}

TEST_F(Building, BeginsWithOneLineWhateverThePathIs) {
  build({{":method", "GET"}, {":path", "/a HTTP/1.1\r\nx: y"}}, {});
  EXPECT_EQ(builder_.first_line(), "GET /a HTTP/2.0\r\n");
}

TEST_F(Building, CountsBytesAsTheSettingDoes) {
  EXPECT_EQ(get({{"x", std::string(limits::kRequestHead, 'y')}}), ErrorCode::head_too_large);
  EXPECT_GT(builder_.list_size(), limits::kRequestHead);
}

TEST_F(Building, LeavesEmptyCrumbsOut) {
  ASSERT_EQ(
      get({{"cookie", ""}, {"cookie", "a=1"}, {"cookie", ""}, {"cookie", "b=2"}, {"cookie", ""}}),
      ErrorCode::none);
  EXPECT_EQ(head_.headers.get(HeaderId::cookie), "a=1; b=2");
}

TEST_F(Building, CountsCrumbsOfCookiesThatAreEmpty) {
  EXPECT_EQ(get(Fields(limits::kRequestHead / 32, {"cookie", ""})), ErrorCode::head_too_large);
}

class Extended : public Building {
 protected:
  ErrorCode connect(const std::string& protocol, const Fields& more, End end = End::no) {
    return build({{":method", "CONNECT"},
                  {":protocol", protocol},
                  {":scheme", "http"},
                  {":path", "/x"},
                  {":authority", "a.test"}},
                 more, end);
  }
};

const Fields kVersion = {{"sec-websocket-version", "13"}};

TEST_F(Extended, ConnectForAWebSocketIsAGet) {
  ASSERT_EQ(connect("websocket", {kVersion[0], {"origin", "http://a.test"}}), ErrorCode::none);
  EXPECT_TRUE(head_.websocket);
  EXPECT_EQ(head_.method, Method::get);
  EXPECT_EQ(head_.method_text, "GET");
  EXPECT_EQ(head_.framing, Framing::none);
  EXPECT_EQ(head_.target, "/x");
  EXPECT_EQ(head_.headers.get("Origin"), "http://a.test");
}

TEST_F(Extended, ConnectNamesItsProtocolInAnyCase) {
  EXPECT_EQ(connect("WebSocket", kVersion), ErrorCode::none);
  EXPECT_TRUE(head_.websocket);
}

TEST_F(Extended, ConnectSurvivesALargeHead) {
  ASSERT_EQ(connect("websocket", {kVersion[0], {"x-large", std::string(20'000, 'x')}}),
            ErrorCode::none);
  EXPECT_TRUE(head_.websocket);
}

TEST_F(Extended, ConnectWithAnEndIsNoHandshake) {
  EXPECT_EQ(connect("websocket", kVersion, End::yes), ErrorCode::bad_websocket);
}

class OtherProtocols : public Extended, public testing::WithParamInterface<std::string> {};

TEST_P(OtherProtocols, AreNotSupported) {
  EXPECT_EQ(connect(GetParam(), kVersion), ErrorCode::unsupported_protocol);
  EXPECT_FALSE(head_.websocket);
}

INSTANTIATE_TEST_SUITE_P(Extended, OtherProtocols,
                         testing::Values("connect-udp", "webtransport", "h2c", "websocket,h2c",
                                         ""));

class NoHandshakes : public Extended, public testing::WithParamInterface<Fields> {};

TEST_P(NoHandshakes, AreRefused) {
  EXPECT_EQ(connect("websocket", GetParam()), ErrorCode::bad_websocket);
}

INSTANTIATE_TEST_SUITE_P(
    Extended, NoHandshakes,
    testing::Values(Fields{}, Fields{{"sec-websocket-version", "8"}},
                    Fields{{"sec-websocket-version", "13"}, {"sec-websocket-version", "13"}},
                    Fields{{"sec-websocket-version", "13"}, {"content-length", "0"}}));

}  // namespace
}  // namespace pingap::http::h2
