#include "http/h1/serializer.h"

#include <array>
#include <string>

#include <gtest/gtest.h>

#include "base/arena.h"
#include "http/date.h"
#include "http/h1/parser.h"
#include "http/h1/vectors.h"

namespace pingap::http::h1 {
namespace {

std::string text_of(ByteQueue& queue) {
  std::string text;
  while (!queue.empty()) {
    text += queue.front();
    queue.consume(queue.front().size());
  }
  return text;
}

std::string written(const RequestHead& head, const RequestStyle& style = {}) {
  ByteQueue out;
  write_request(head, style, out);
  return text_of(out);
}

std::string written(const ResponseHead& head, const ResponseStyle& style = {}) {
  ByteQueue out;
  write_response(head, style, out);
  return text_of(out);
}

constexpr ResponseStyle kNoDate{Version::http11, true, false};

// A head parsed from text, with the memory it needs.
template <class Head>
struct Parsed {
  explicit Parsed(std::string_view notation, Method request = Method::get)
      : bytes(testing::expand(notation)) {
    head.headers = HeaderMap(fields);
    if constexpr (std::is_same_v<Head, RequestHead>) {
      result = parse_request(bytes, kRequestLimits, head);
    } else {
      result = parse_response(bytes, kResponseLimits, request, head);
    }
  }

  std::string bytes;
  std::array<Field, 256> fields{};
  Head head;
  ParseResult result;
};

using Request = Parsed<RequestHead>;
using Response = Parsed<ResponseHead>;

TEST(WriteRequest, PutsHostFirstAndOneFramingLast) {
  const Request request(
      R"(POST http://b.test:81/x {V}A: b\r\nConnection: close\r\nContent-Length: 05\r\nC:d\r\n\r\n)");
  EXPECT_EQ(written(request.head),
            "POST /x HTTP/1.1\r\nHost: b.test:81\r\nA: b\r\nC: d\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(written(request.head, {.keep_alive = false}),
            "POST /x HTTP/1.1\r\nHost: b.test:81\r\nA: b\r\nC: d\r\nContent-Length: 5\r\n"
            "Connection: close\r\n\r\n");
}

TEST(WriteRequest, WritesChunkedAndNothing) {
  EXPECT_EQ(written(Request(R"(PUT / {V}transfer-encoding: CHUNKED\r\n\r\n)").head),
            "PUT / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(written(Request(R"(GET / {V}\r\n)").head), "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
}

TEST(WriteRequest, AddsTheSlashThatAnAbsoluteFormMayLack) {
  EXPECT_EQ(written(Request(R"(GET http://a.test?q {V}\r\n)").head),
            "GET /?q HTTP/1.1\r\nHost: a.test\r\n\r\n");
}

TEST(WriteRequest, SaysUpgradeOnlyForATunnel) {
  Request request(
      R"(GET / {V}Connection: upgrade\r\nUpgrade: websocket\r\nA: b\r\n)"
      R"(Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n)");
  ASSERT_TRUE(request.head.websocket);
  EXPECT_EQ(written(request.head).find("pgrade"), std::string::npos);
  request.head.framing = Framing::tunnel;
  EXPECT_NE(written(request.head).find("Connection: upgrade\r\nUpgrade: websocket\r\n\r\n"),
            std::string::npos);
}

TEST(WriteRequest, LeavesRemovedFieldsOutAndAddsNewOnes) {
  Request request(R"(GET / {V}A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n\r\n)");
  Arena arena;
  request.head.headers = HeaderMap::copy(request.head.headers, arena, 4);
  request.head.headers.remove("b");
  ASSERT_TRUE(request.head.headers.set("C", "x y"));
  ASSERT_TRUE(request.head.headers.set(HeaderId::x_real_ip, "::1"));
  EXPECT_EQ(written(request.head),
            "GET / HTTP/1.1\r\nHost: a.test\r\nA: 1\r\nD: 4\r\nC: x y\r\nX-Real-IP: ::1\r\n\r\n");
}

TEST(WriteRequest, CopiesRunsToTheSameBytesAsFields) {
  constexpr std::string_view kHeads[] = {
      R"(GET / {V}A: 1\r\nB: 2\r\nC:3\r\nD: 4\r\nConnection: x\r\nE: \r\nF: 6\r\n\r\n)",
      R"(GET / HTTP/1.1\r\nA: 1\r\nHost: a.test\r\nB:\t2\r\nC: 3 \r\nD: {a*9000}\r\nE: 5\r\n\r\n)"};
  for (const std::string_view notation : kHeads) {
    Request request(notation);
    const std::string in_runs = written(request.head);
    for (Field& field : request.head.headers.fields()) {
      field.flags = 0;
    }
    EXPECT_EQ(written(request.head), in_runs);
  }
}

TEST(WriteRequest, ReparsesToItself) {
  constexpr std::string_view kHeads[] = {
      R"(GET / {V}A: 1\r\nb:2\r\n\r\n)", R"(OPTIONS * {V}A: \xff\ty\r\n\r\n)",
      R"(DELETE https://[::1]:8/a?b\c {V}Content-Length: 18\r\nA: {a*20000}\r\n\r\n)",
      R"(X-Y /{a*8000} {V}{100 x 'X-i: y'}Transfer-Encoding: chunked\r\n\r\n)"};
  for (const std::string_view notation : kHeads) {
    const Request request(notation);
    ASSERT_EQ(request.result.status, ParseStatus::complete);
    const std::string once = written(request.head);
    Request again{std::string_view{}};
    again.bytes = once;
    ASSERT_EQ(parse_request(again.bytes, kRequestLimits, again.head).status, ParseStatus::complete);
    EXPECT_EQ(written(again.head), once);
    EXPECT_EQ(again.head.framing, request.head.framing);
    EXPECT_EQ(again.head.content_length, request.head.content_length);
  }
}

TEST(WriteResponse, KeepsReasonAndFields) {
  EXPECT_EQ(written(Response(R"(HTTP/1.0 404 Nope\r\nServer: x\r\nConnection: keep-alive\r\n)"
                             R"(Content-Length: 3\r\nDate: y\r\n\r\n)")
                        .head),
            "HTTP/1.1 404 Nope\r\nServer: x\r\nDate: y\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(written(Response(R"(HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n)").head, kNoDate),
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(written(Response(R"(HTTP/1.1 799\r\nContent-Length: 0\r\n\r\n)").head, kNoDate),
            "HTTP/1.1 799 \r\nContent-Length: 0\r\n\r\n");
}

TEST(WriteResponse, AddsADateWhenThereIsNone) {
  const std::string text = written(Response(R"({OK}Content-Length: 0\r\n\r\n)").head);
  const size_t at = text.find("Date: ");
  ASSERT_NE(at, std::string::npos);
  EXPECT_EQ(text.substr(at + 6 + kDateSize), "\r\n\r\n");
  EXPECT_EQ(written(Response(R"(HTTP/1.1 103 Early Hints\r\n\r\n)").head),
            "HTTP/1.1 103 Early Hints\r\n\r\n");
}

TEST(WriteResponse, ChoosesFramingAndConnection) {
  struct Case {
    std::string_view notation;
    Method request;
    Version client;
    bool keep_alive;
    std::string_view rest;  // behind the status line
  };

  constexpr auto k11 = Version::http11;
  constexpr auto k10 = Version::http10;
  constexpr auto kGet = Method::get;
  constexpr Case kCases[] = {
      {R"({OK}Content-Length: 5\r\n\r\n)", kGet, k11, true, "Content-Length: 5\r\n\r\n"},
      {R"({OK}Content-Length: 5\r\n\r\n)", kGet, k11, false,
       "Content-Length: 5\r\nConnection: close\r\n\r\n"},
      {R"({OK}Content-Length: 5\r\n\r\n)", kGet, k10, true,
       "Content-Length: 5\r\nConnection: keep-alive\r\n\r\n"},
      {R"({OK}Transfer-Encoding: chunked\r\n\r\n)", kGet, k11, true,
       "Transfer-Encoding: chunked\r\n\r\n"},
      {R"({OK}Transfer-Encoding: chunked\r\n\r\n)", kGet, k10, true, "Connection: close\r\n\r\n"},
      {R"({OK}\r\n)", kGet, k11, true, "Connection: close\r\n\r\n"},
      {R"({OK}Content-Length: 5\r\n\r\n)", Method::head, k11, true, "Content-Length: 5\r\n\r\n"},
      {R"({OK}\r\n)", Method::head, k11, true, "\r\n"},
      {R"(HTTP/1.1 204 OK\r\nContent-Length: 5\r\n\r\n)", kGet, k11, true, "\r\n"},
      {R"(HTTP/1.1 304 OK\r\nContent-Length: 5\r\n\r\n)", kGet, k11, true,
       "Content-Length: 5\r\n\r\n"},
      {R"(HTTP/1.1 100 OK\r\nContent-Length: 5\r\n\r\n)", kGet, k11, false, "\r\n"},
      {R"(HTTP/1.1 101 OK\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\nA: b\r\n\r\n)", kGet, k11,
       true, "A: b\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"},
      {R"(HTTP/1.1 426 OK\r\nUpgrade: x\r\nContent-Length: 0\r\n\r\n)", kGet, k11, true,
       "Content-Length: 0\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"},
      {R"(HTTP/1.1 426 OK\r\nUpgrade: x\r\nContent-Length: 0\r\n\r\n)", kGet, k11, false,
       "Content-Length: 0\r\nUpgrade: x\r\nConnection: close, upgrade\r\n\r\n"},
      {R"({OK}Upgrade: h2c\r\nContent-Length: 0\r\n\r\n)", kGet, k11, true,
       "Content-Length: 0\r\n\r\n"},
  };
  for (const Case& c : kCases) {
    const Response response(c.notation, c.request);
    ASSERT_EQ(response.result.status, ParseStatus::complete) << c.notation;
    const std::string text = written(response.head, {c.client, c.keep_alive, false});
    EXPECT_EQ(text.substr(text.find("\r\n") + 2), c.rest) << c.notation;
  }
}

TEST(WriteResponse, AppendsBehindWhatIsThere) {
  ByteQueue out;
  out.append("before ");
  write_response(Response(R"({OK}Content-Length: 0\r\n\r\n)").head, kNoDate, out);
  EXPECT_EQ(text_of(out), "before HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
}

TEST(WriteChunk, PrintsSizesInHex) {
  struct Case {
    uint64_t size;
    std::string_view text;
  };

  for (const Case& c :
       {Case{1, "1\r\n"}, Case{0x1a2b, "1a2b\r\n"}, Case{UINT64_MAX, "ffffffffffffffff\r\n"}}) {
    std::array<char, 18> room{};
    EXPECT_EQ(std::string_view(room.data(), write_chunk_head(c.size, room.data())), c.text);
  }
}

TEST(WriteChunk, EndsWithTrailers) {
  ByteQueue out;
  write_last_chunk(nullptr, out);
  EXPECT_EQ(text_of(out), "0\r\n\r\n");
  std::array<Field, 4> fields{};
  HeaderMap trailers(fields);
  trailers.add("A", "b");
  trailers.add(HeaderId::content_length, "5");
  trailers.add("C", "d");
  trailers.remove("A");
  write_last_chunk(&trailers, out);
  EXPECT_EQ(text_of(out), "0\r\nC: d\r\n\r\n");
}

}  // namespace
}  // namespace pingap::http::h1
