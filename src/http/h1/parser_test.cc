// What a good head turns into; what is refused stands in the tables of vectors_test.cc.
#include "http/h1/parser.h"

#include <array>
#include <string>

#include <gtest/gtest.h>

#include "http/h1/vectors.h"

namespace pingap::http::h1 {
namespace {

using testing::expand;

class Request : public ::testing::Test {
 protected:
  ParseResult parse(std::string_view notation, const HeadLimits& limits = kRequestLimits) {
    bytes_ = expand(notation);
    head_.headers = HeaderMap(fields_);
    return parse_request(bytes_, limits, head_);
  }

  bool complete(std::string_view notation) {
    return parse(notation).status == ParseStatus::complete;
  }

  std::string bytes_;
  std::array<Field, 128> fields_{};
  RequestHead head_;
};

class Response : public ::testing::Test {
 protected:
  bool complete(std::string_view notation, Method request = Method::get) {
    bytes_ = expand(notation);
    head_.headers = HeaderMap(fields_);
    const ParseResult result = parse_response(bytes_, kResponseLimits, request, head_);
    return result.status == ParseStatus::complete;
  }

  std::string bytes_;
  std::array<Field, 256> fields_{};
  ResponseHead head_;
};

TEST_F(Request, HasItsPartsWhenSimple) {
  const ParseResult result =
      parse(R"(GET /a?b=c HTTP/1.1\r\nHost: a.test:81\r\nX:  y \r\n\r\nrest)");
  ASSERT_EQ(result.status, ParseStatus::complete);
  EXPECT_EQ(bytes_.substr(result.consumed), "rest");
  EXPECT_EQ(head_.method, Method::get);
  EXPECT_EQ(head_.method_text, "GET");
  EXPECT_EQ(head_.target, "/a?b=c");
  EXPECT_EQ(head_.version, Version::http11);
  EXPECT_EQ(head_.host, "a.test");
  EXPECT_EQ(head_.authority, "a.test:81");
  EXPECT_EQ(head_.framing, Framing::none);
  EXPECT_TRUE(head_.keep_alive);
  ASSERT_EQ(head_.headers.size(), 2U);
  EXPECT_EQ(head_.headers.get("x"), "y");
}

TEST_F(Request, MarksFieldsThatMayBeCopiedAsTheyAre) {
  ASSERT_TRUE(complete(
      R"(GET / {V}A: b\r\nB:c\r\nC:  d\r\nD: e \r\nE:\tf\r\nF: \r\nG:\r\nH: i j\t k\r\n\r\n)"));
  std::string canonical;
  for (const Field& field : head_.headers.fields()) {
    if ((field.flags & Field::kCanonical) != 0) {
      canonical += field.name();
      EXPECT_EQ(std::string(field.name()) + ": " + std::string(field.value()) + "\r\n",
                std::string(field.name_data, field.value_data + field.value_size + 2));
    }
  }
  EXPECT_EQ(canonical, "HostAFH");
  EXPECT_EQ(head_.headers.get("H"), "i j\t k");
}

TEST_F(Request, KnowsTheFramingOfItsBody) {
  ASSERT_TRUE(complete(R"(POST / {V}Content-Length: 0012\r\n\r\n)"));
  EXPECT_EQ(head_.framing, Framing::length);
  EXPECT_EQ(head_.content_length, 12U);
  ASSERT_TRUE(complete(R"(POST / {V}Content-Length: 0\r\n\r\n)"));
  EXPECT_EQ(head_.framing, Framing::length);
  EXPECT_EQ(head_.content_length, 0U);
  ASSERT_TRUE(complete(R"(POST / {V}transfer-encoding: CHUNKED\r\n\r\n)"));
  EXPECT_EQ(head_.framing, Framing::chunked);
  EXPECT_EQ(head_.content_length, 0U);
}

TEST_F(Request, TakesHostFromAbsoluteForm) {
  ASSERT_TRUE(complete(R"(GET http://b.test:8080/x?y {V}\r\n)"));
  EXPECT_EQ(head_.target, "/x?y");
  EXPECT_EQ(head_.host, "b.test");
  EXPECT_EQ(head_.authority, "b.test:8080");
  ASSERT_TRUE(complete(R"(GET https://[::1]:8080 {V}\r\n)"));
  EXPECT_EQ(head_.target, "/");
  EXPECT_EQ(head_.host, "[::1]");
  EXPECT_EQ(head_.authority, "[::1]:8080");
  ASSERT_TRUE(complete(R"(GET http://b.test?q=1 {V}\r\n)"));
  EXPECT_EQ(head_.target, "?q=1");
}

TEST_F(Request, KnowsTheOtherFormsOfTarget) {
  ASSERT_TRUE(complete(R"(OPTIONS * {V}\r\n)"));
  EXPECT_TRUE(head_.asterisk);
  EXPECT_EQ(head_.target, "*");
  EXPECT_EQ(head_.host, "a.test");
  ASSERT_TRUE(complete(R"(OPTIONS http://b.test {V}\r\n)"));
  EXPECT_TRUE(head_.asterisk);
  EXPECT_EQ(head_.target, "*");
  EXPECT_EQ(head_.host, "b.test");
  ASSERT_TRUE(complete(R"(OPTIONS http://b.test/ {V}\r\n)"));
  EXPECT_FALSE(head_.asterisk);
  ASSERT_TRUE(complete(R"(CONNECT b.test:443 {V}\r\n)"));
  EXPECT_EQ(head_.method, Method::connect);
  EXPECT_EQ(head_.authority, "b.test:443");
}

TEST_F(Request, SetsAllMembersAgainWhenParsedAgain) {
  ASSERT_TRUE(complete(R"(OPTIONS * {V}Connection: close\r\nExpect: 100-continue\r\n\r\n)"));
  ASSERT_TRUE(complete(R"(GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n)"));
  EXPECT_FALSE(head_.asterisk);
  EXPECT_FALSE(head_.expect_continue);
  EXPECT_TRUE(head_.keep_alive);
  EXPECT_EQ(head_.host, "");
  EXPECT_EQ(head_.authority, "");
  EXPECT_EQ(head_.headers.size(), 1U);
}

TEST_F(Request, SaysWhetherTheConnectionStaysOpen) {
  struct Case {
    std::string_view notation;
    bool keep_alive;
  };

  constexpr Case kCases[] = {
      {R"(GET / HTTP/1.1\r\nHost: a\r\n\r\n)", true},
      {R"(GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n)", false},
      {R"(GET / HTTP/1.1\r\nHost: a\r\nConnection: x, CLOSE ,y\r\n\r\n)", false},
      {R"(GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n)",
       false},
      {R"(GET / HTTP/1.1\r\nHost: a\r\nConnection:\r\n\r\n)", true},
      {R"(GET / HTTP/1.0\r\n\r\n)", false},
      {R"(GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n)", true},
      {R"(GET / HTTP/1.0\r\nConnection: Keep-Alive, close\r\n\r\n)", false},
      {R"(GET / HTTP/1.0\r\nKeep-Alive: timeout=5\r\n\r\n)", false},
  };
  for (const Case& c : kCases) {
    ASSERT_TRUE(complete(c.notation)) << c.notation;
    EXPECT_EQ(head_.keep_alive, c.keep_alive) << c.notation;
  }
}

TEST_F(Request, HearsExpectOnlyInHttp11) {
  ASSERT_TRUE(complete(R"(POST / {V}Expect: 100-Continue\r\nContent-Length: 1\r\n\r\n)"));
  EXPECT_TRUE(head_.expect_continue);
  ASSERT_TRUE(complete(R"(POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n)"));
  EXPECT_FALSE(head_.expect_continue);
  EXPECT_EQ(head_.headers.find(HeaderId::expect), nullptr) << "or a backend would say 100";
}

TEST_F(Request, ExpectsOnceInAnyVersion) {
  for (const std::string_view version : {"1.0", "1.1"}) {
    const std::string start = "POST / HTTP/" + std::string(version) + R"(\r\nHost: a.test\r\n)";
    const ParseResult result =
        parse(start + R"(Expect: 100-continue\r\nExpect: 100-continue\r\n\r\n)");
    EXPECT_EQ(result.error, ErrorCode::bad_expectation) << version;
  }
}

constexpr std::string_view kKey = R"(Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n)";

TEST_F(Request, IsWebsocketOnlyWhenAllAgrees) {
  struct Case {
    std::string_view start;
    std::string_view fields;
    bool websocket;
  };

  constexpr Case kCases[] = {
      {"GET / {V}", R"(Connection: Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\n)",
       true},
      {"GET / {V}",
       R"(Connection: x, upgrade\r\nUpgrade: websocket\r\n)"
       R"(Sec-WebSocket-Version: 13\r\n)",
       true},
      {"POST / {V}",
       R"(Connection: upgrade\r\nUpgrade: websocket\r\n)"
       R"(Sec-WebSocket-Version: 13\r\n)",
       false},
      {R"(GET / HTTP/1.0\r\n)",
       R"(Connection: upgrade\r\nUpgrade: websocket\r\n)"
       R"(Sec-WebSocket-Version: 13\r\n)",
       false},
      {"GET / {V}", R"(Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n)", false},
      {"GET / {V}", R"(Connection: upgrade\r\nSec-WebSocket-Version: 13\r\n)", false},
      {"GET / {V}", R"(Connection: upgrade\r\nUpgrade: h2c\r\nSec-WebSocket-Version: 13\r\n)",
       false},
      {"GET / {V}",
       R"(Connection: upgrade\r\nUpgrade: websocket, h2c\r\n)"
       R"(Sec-WebSocket-Version: 13\r\n)",
       false},
      {"GET / {V}",
       R"(Connection: upgrade\r\nUpgrade: h2c\r\nUpgrade: websocket\r\n)"
       R"(Sec-WebSocket-Version: 13\r\n)",
       false},
      {"GET / {V}",
       R"(Connection: upgrade\r\nUpgrade: websocket\r\nUpgrade: websocket\r\n)"
       R"(Sec-WebSocket-Version: 13\r\n)",
       false},
      {"GET / {V}", R"(Connection: upgrade\r\nUpgrade: websocket\r\n)", false},
      {"GET / {V}", R"(Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\n)",
       false},
      {"GET / {V}",
       R"(Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n)"
       R"(Sec-WebSocket-Version: 13\r\n)",
       false},
      {"GET / {V}",
       R"(Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n)"
       R"(Content-Length: 5\r\n)",
       false},
      {"GET / {V}",
       R"(Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n)"
       R"(Transfer-Encoding: chunked\r\n)",
       false},
  };
  for (const Case& c : kCases) {
    const std::string notation = std::string(c.start) + std::string(c.fields) + std::string(kKey);
    ASSERT_TRUE(complete(notation + R"(\r\n)")) << notation;
    EXPECT_EQ(head_.websocket, c.websocket) << notation;
  }
}

TEST_F(Request, IsWebsocketOnlyWithAKeyOfSixteenBytes) {
  constexpr std::string_view kStart =
      R"(GET / {V}Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n)";
  constexpr std::string_view kBad[] = {
      "",
      R"(Sec-WebSocket-Key: \r\n)",
      R"(Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAA===\r\n)",
      R"(Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAA=\r\n)",
      R"(Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAA==\r\n)",
      R"(Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAA*==\r\n)",
      R"(Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Key: x\r\n)",
  };
  for (const std::string_view key : kBad) {
    ASSERT_TRUE(complete(std::string(kStart) + std::string(key) + R"(\r\n)")) << key;
    EXPECT_FALSE(head_.websocket) << key;
  }
  ASSERT_TRUE(
      complete(std::string(kStart) + R"(Sec-WebSocket-Key: az09+/AAAAAAAAAAAAAAAA==\r\n\r\n)"));
  EXPECT_TRUE(head_.websocket);
}

TEST_F(Request, IsTooLargeWhenItDoesNotEndWithinTheLimit) {
  const std::string text = R"(GET / {V}\r\n)";
  const size_t size = expand(text).size();
  EXPECT_EQ(parse(text, {size, 128, 100}).status, ParseStatus::complete);
  EXPECT_EQ(parse(text, {size - 1, 128, 100}).error, ErrorCode::head_too_large);
  EXPECT_EQ(parse(text, {size, 1, 100}).status, ParseStatus::complete);
  EXPECT_EQ(parse(text, {size, 0, 100}).error, ErrorCode::too_many_headers);
  EXPECT_EQ(parse(text, {size, 128, 1}).status, ParseStatus::complete);
  EXPECT_EQ(parse(text, {size, 128, 0}).error, ErrorCode::target_too_long);
}

TEST_F(Request, RefusesNamesBeyondSixteenBits) {
  const HeadLimits wide{1 << 20, 128, 8192};
  EXPECT_EQ(parse(R"(GET / {V}{a*65535}: b\r\n\r\n)", wide).status, ParseStatus::complete);
  EXPECT_EQ(head_.headers.fields()[1].name().size(), 65535U);
  EXPECT_EQ(parse(R"(GET / {V}{a*65536}: b\r\n\r\n)", wide).error, ErrorCode::head_too_large);
  EXPECT_EQ(parse(R"(GET / {V}{a*65536})", wide).error, ErrorCode::head_too_large);
  EXPECT_EQ(parse(R"(GET / {V}X: {a*65541}\r\n\r\n)", wide).status, ParseStatus::complete);
  EXPECT_EQ(head_.headers.get("x").size(), 65541U);
}

// `incomplete` is never said of what is wrong already, and an error never changes with more bytes.
TEST_F(Request, GivesOneVerdictForAllLongerPrefixes) {
  constexpr std::string_view kHeads[] = {
      R"(\r\n\r\nPOST http://a.test:80/x?y\z {V}A: b\r\nConnection: close\r\nX-Y:z \r\n\r\n)",
      R"(GET  / {V}\r\n)",
      R"(GET /a#b {V}\r\n)",
      R"(GET / HTTP/2.0\r\n\r\n)",
      R"(GET / {V}X Y: z\r\n\r\n)",
      R"(GET / {V}NoColon\r\n\r\n)",
      R"(GET / {V}Content-Length: 5\r\nContent-Length: 5\r\n\r\n)",
      R"(GET / HTTP/1.1\r\n\r\n)",
      R"(GET / {V}X: a\x01\r\n\r\n)",
      R"(GET / {V}X: a\r\n b\r\n\r\n)",
      R"(GET / {V}\r\r\n)"};
  for (const std::string_view notation : kHeads) {
    const ParseResult whole = parse(notation);
    const std::string bytes = bytes_;
    bool decided = false;
    for (size_t size = 0; size <= bytes.size(); ++size) {
      std::string prefix = bytes.substr(0, size);
      prefix.shrink_to_fit();
      head_.headers = HeaderMap(fields_);
      const ParseResult result = parse_request(prefix, kRequestLimits, head_);
      decided = decided || result.status != ParseStatus::incomplete;
      if (decided) {
        EXPECT_EQ(result.status, whole.status) << notation << " " << size;
        EXPECT_EQ(result.error, whole.error) << notation << " " << size;
      }
    }
    EXPECT_TRUE(decided) << notation;
  }
}

TEST_F(Response, HasItsPartsWhenSimple) {
  ASSERT_TRUE(complete(R"(HTTP/1.1 404 Not  Found\t\xe9\r\nA: b\r\nContent-Length: 3\r\n\r\n)"));
  EXPECT_EQ(head_.status, 404);
  EXPECT_EQ(head_.reason, "Not  Found\t\xe9");
  EXPECT_EQ(head_.version, Version::http11);
  EXPECT_EQ(head_.framing, Framing::length);
  EXPECT_EQ(head_.content_length, 3U);
  EXPECT_TRUE(head_.has_content_length);
  EXPECT_TRUE(head_.keep_alive);
}

TEST_F(Response, FindsItsFramingByStatusAndRequest) {
  struct Case {
    std::string_view notation;
    Method request;
    Framing framing;
    bool keep_alive;
    bool has_length;
  };

  constexpr auto kGet = Method::get;
  constexpr Case kCases[] = {
      {R"({OK}Content-Length: 5\r\n\r\n)", kGet, Framing::length, true, true},
      {R"({OK}Transfer-Encoding: chunked\r\n\r\n)", kGet, Framing::chunked, true, false},
      {R"({OK}\r\n)", kGet, Framing::until_close, false, false},
      {R"({OK}Connection: close\r\nContent-Length: 5\r\n\r\n)", kGet, Framing::length, false, true},
      {R"({OK}\r\n)", Method::head, Framing::none, true, false},
      {R"({OK}Content-Length: 5\r\n\r\n)", Method::head, Framing::none, true, true},
      {R"({OK}Transfer-Encoding: chunked\r\n\r\n)", Method::head, Framing::none, true, false},
      {R"({OK}Content-Length: 5\r\n\r\n)", Method::connect, Framing::tunnel, false, true},
      {R"(HTTP/1.1 403 No\r\nContent-Length: 5\r\n\r\n)", Method::connect, Framing::length, true,
       true},
      {R"(HTTP/1.1 204 \r\n\r\n)", kGet, Framing::none, true, false},
      {R"(HTTP/1.1 204 \r\nContent-Length: 0\r\n\r\n)", kGet, Framing::none, true, false},
      {R"(HTTP/1.1 204 \r\nContent-Length: 5\r\n\r\n)", kGet, Framing::none, false, false},
      {R"(HTTP/1.1 204 \r\nTransfer-Encoding: chunked\r\n\r\n)", kGet, Framing::none, false, false},
      {R"(HTTP/1.1 304 \r\nContent-Length: 5\r\n\r\n)", kGet, Framing::none, true, true},
      {R"(HTTP/1.1 103 \r\n\r\n)", kGet, Framing::none, true, false},
      {R"(HTTP/1.1 101 \r\n\r\n)", kGet, Framing::none, true, false},
      {R"(HTTP/1.0 200 \r\nContent-Length: 5\r\n\r\n)", kGet, Framing::length, false, true},
      {R"(HTTP/1.0 200 \r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n)", kGet,
       Framing::length, true, true},
      {R"(HTTP/1.0 200 \r\nConnection: keep-alive\r\n\r\n)", kGet, Framing::until_close, false,
       false},
  };
  for (const Case& c : kCases) {
    ASSERT_TRUE(complete(c.notation, c.request)) << c.notation;
    EXPECT_EQ(head_.framing, c.framing) << c.notation;
    EXPECT_EQ(head_.keep_alive, c.keep_alive) << c.notation;
    EXPECT_EQ(head_.has_content_length, c.has_length) << c.notation;
  }
}

TEST_F(Response, IsATunnelOnlyWhenItAgreesOnWebsocket) {
  constexpr std::string_view kBad[] = {
      R"(HTTP/1.1 101 \r\nConnection: upgrade\r\n\r\n)",
      R"(HTTP/1.1 101 \r\nUpgrade: websocket\r\n\r\n)",
      R"(HTTP/1.1 101 \r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n)",
      R"(HTTP/1.1 101 \r\nConnection: upgrade\r\nUpgrade: websocket, other\r\n\r\n)",
      R"(HTTP/1.0 101 \r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n)",
      R"(HTTP/1.1 101 \r\nConnection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n\r\n)",
      R"(HTTP/1.1 200 \r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n)",
  };
  for (const std::string_view notation : kBad) {
    ASSERT_TRUE(complete(notation)) << notation;
    EXPECT_FALSE(head_.websocket) << notation;
    EXPECT_NE(head_.framing, Framing::tunnel) << notation;
  }
  ASSERT_TRUE(complete(R"(HTTP/1.1 101 X\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\r\n)"));
  EXPECT_TRUE(head_.websocket);
  EXPECT_EQ(head_.framing, Framing::tunnel);
  EXPECT_FALSE(head_.keep_alive);
}

}  // namespace
}  // namespace pingap::http::h1
