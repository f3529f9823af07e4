#include "proxy/grpc_web.h"

#include <optional>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "http/limits.h"
#include "proxy/body_test_streams.h"

namespace pingap::proxy {
namespace {

using namespace std::string_literals;  // NOLINT(google-build-using-namespace)
using http::Framing;
using http::HeaderId;

const std::string kMessage = "\0\0\0\0\2hi"s;
const std::string kMessageText = "AAAAAAJoaQ==";

TEST(LengthRatio, GivesAllBackHoweverItIsTaken) {
  LengthRatio ratio;
  ratio.add(400, 300);
  ratio.add(4, 1);  // padded
  size_t all = 0;
  for (int i = 0; i < 301; ++i) {
    const size_t now = ratio.take(1);
    all += now;
    EXPECT_LE(all, 404U);
  }
  EXPECT_EQ(all, 404U);
  EXPECT_TRUE(ratio.idle());
  EXPECT_EQ(ratio.take(5), 5U) << "never changed";
}

TEST(LengthRatio, WhatMadeNothingWaitsForNothing) {
  LengthRatio ratio;
  ratio.add(3, 0);
  EXPECT_TRUE(ratio.idle());
  EXPECT_EQ(ratio.take(0), 3U);
}

class GrpcWebTest : public ::testing::Test {
 protected:
  GrpcWeb& start(std::string_view type, std::string_view accept = {}) {
    request_.method = http::Method::post;
    request_.framing = Framing::length;
    request_.content_length = 12;
    request_.headers = map();
    request_.headers.add(HeaderId::content_type, type);
    if (!accept.empty()) {
      request_.headers.add(HeaderId::accept, accept);
    }
    return web_.emplace(client_, request_, arena_);
  }

  http::HeaderMap map() { return http::HeaderMap(std::span(arena_.make_array<http::Field>(8), 8)); }

  // The head of an answer, as the client gets it.
  http::ResponseHead answer(std::string_view type = "application/grpc+proto", End end = End::no) {
    http::ResponseHead head;
    head.framing = Framing::length;
    head.content_length = 7;
    head.has_content_length = true;
    head.headers = map();
    head.headers.add(HeaderId::content_type, type);
    web_->send_head(head, end);
    return head;
  }

  static std::string text_of(ByteQueue& data) {
    std::string out;
    for (; !data.empty(); data.consume(data.front().size())) {
      out += data.front();
    }
    return out;
  }

  Arena arena_;
  http::RequestHead request_;
  NotingClient client_;
  std::optional<GrpcWeb> web_;
};

TEST_F(GrpcWebTest, IsAskedForByAPostOfItsTypes) {
  http::RequestHead head;
  head.method = http::Method::post;
  for (const auto& [type, asked] :
       {std::pair("application/grpc-web", true), std::pair("application/grpc-web-text+proto", true),
        std::pair("application/grpc", false), std::pair("application/json", false)}) {
    head.headers = map();
    head.headers.add(HeaderId::content_type, type);
    EXPECT_EQ(GrpcWeb::asked_by(head), asked) << type;
  }
  head.headers.set(HeaderId::content_type, "application/grpc-web");
  head.method = http::Method::options;
  EXPECT_FALSE(GrpcWeb::asked_by(head));
}

TEST_F(GrpcWebTest, TheBackendIsAskedInGrpc) {
  start("application/grpc-web+proto").ask(request_);
  EXPECT_EQ(request_.headers.get(HeaderId::content_type), "application/grpc+proto");
  EXPECT_EQ(request_.framing, Framing::length);
  start("application/grpc-web-text").ask(request_);
  EXPECT_EQ(request_.headers.get(HeaderId::content_type), "application/grpc");
  EXPECT_EQ(request_.framing, Framing::chunked) << "of another length";
}

TEST_F(GrpcWebTest, TextIsDecodedHoweverItIsCut) {
  const std::string text = kMessageText + kMessageText;
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    client_.sent = {};
    GrpcWeb& web = start("application/grpc-web-text");
    ByteQueue first = bytes_of(text.substr(0, cut));
    ByteQueue second = bytes_of(text.substr(cut));
    ASSERT_TRUE(web.read(first, End::no));
    std::string got = text_of(first);
    web.release_window(got.size());
    ASSERT_TRUE(web.read(second, End::yes));
    const std::string rest = text_of(second);
    web.release_window(rest.size());
    EXPECT_EQ(got + rest, kMessage + kMessage);
    EXPECT_EQ(client_.sent.released, text.size()) << "all of the window, cut at " << cut;
  }
}

TEST_F(GrpcWebTest, TextThatIsNoneIsRefused) {
  for (const char* text : {"AAAA!", "AAA", "A===", "AAAA AAAA"}) {
    ByteQueue data = bytes_of(text);
    const auto read = start("application/grpc-web-text").read(data, End::yes);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, ErrorCode::bad_grpc_web);
  }
}

TEST_F(GrpcWebTest, ATrickleOfTextSharesMemory) {
  GrpcWeb& web = start("application/grpc-web-text");
  ByteQueue all;
  for (int i = 0; i < 1000; ++i) {
    ByteQueue data = bytes_of("AAAA");
    ASSERT_TRUE(web.read(data, End::no));
    all.move_from(data, data.size());
  }
  EXPECT_EQ(all.size(), 3000U);
  EXPECT_LE(all.slices(), 2U);
}

TEST_F(GrpcWebTest, TrailersBecomeTheLastFrame) {
  GrpcWeb& web = start("application/grpc-web+proto");
  const http::ResponseHead head = answer();
  EXPECT_EQ(head.headers.get(HeaderId::content_type), "application/grpc-web+proto");
  EXPECT_EQ(head.framing, Framing::chunked);
  EXPECT_FALSE(head.has_content_length);
  ByteQueue data = bytes_of(kMessage);
  web.send_body(data, End::no);
  http::HeaderMap trailers = map();
  trailers.add("grpc-status", "0");
  web.send_trailers(trailers);
  EXPECT_EQ(client_.sent.body, kMessage + "\x80\0\0\0\x10grpc-status: 0\r\n"s);
  EXPECT_TRUE(client_.sent.ended);
  EXPECT_EQ(client_.sent.trailers, "");
  EXPECT_EQ(web.sent_bytes(), client_.sent.body.size());
  EXPECT_EQ(web.on_sent(client_.sent.body.size()), kMessage.size());
}

TEST_F(GrpcWebTest, EachPieceOfTextIsWholeByItself) {
  GrpcWeb& web = start("application/grpc-web-text");
  EXPECT_EQ(answer().headers.get(HeaderId::content_type), "application/grpc-web-text+proto");
  ByteQueue data = bytes_of(kMessage);
  web.send_body(data, End::no);
  EXPECT_EQ(client_.sent.body, kMessageText);
  data = bytes_of(kMessage);
  web.send_body(data, End::no);
  EXPECT_EQ(client_.sent.body, kMessageText + kMessageText);
  EXPECT_EQ(web.on_sent(2 * kMessageText.size()), 2 * kMessage.size());
  http::HeaderMap trailers = map();
  trailers.add("grpc-status", "0");
  web.send_trailers(trailers);
  EXPECT_EQ(client_.sent.body.substr(2 * kMessageText.size()), "gAAAABBncnBjLXN0YXR1czogMA0K");
}

TEST_F(GrpcWebTest, LongTextGoesThroughRoomsOfAChunk) {
  GrpcWeb& web = start("application/grpc-web-text");
  answer();
  const std::string bytes(5 * kChunkSize + 1, '\xff');
  ByteQueue data;
  for (size_t at = 0; at < bytes.size(); at += 1000) {
    data.append(std::string_view(bytes).substr(at, 1000));
  }
  web.send_body(data, End::no);
  EXPECT_EQ(client_.sent.body.size(), (bytes.size() + 2) / 3 * 4);
  ByteQueue back = bytes_of(client_.sent.body);
  GrpcWeb& reader = start("application/grpc-web-text");
  ASSERT_TRUE(reader.read(back, End::yes));
  EXPECT_EQ(text_of(back), bytes);
}

TEST_F(GrpcWebTest, AcceptSaysTheFormOfTheAnswer) {
  start("application/grpc-web", "application/grpc-web-text");
  EXPECT_EQ(answer().headers.get(HeaderId::content_type), "application/grpc-web-text+proto");
  start("application/grpc-web-text", "application/grpc-web+proto");
  EXPECT_EQ(answer().headers.get(HeaderId::content_type), "application/grpc-web+proto");
  start("application/grpc-web-text", "*/*");
  EXPECT_EQ(answer().headers.get(HeaderId::content_type), "application/grpc-web-text+proto");
}

TEST_F(GrpcWebTest, AnAnswerWithoutAStatusIsGivenOne) {
  GrpcWeb& web = start("application/grpc-web");
  answer();
  web.send_trailers({});
  EXPECT_EQ(client_.sent.body, "\x80\0\0\0\x10grpc-status: 2\r\n"s);
}

TEST_F(GrpcWebTest, AnAnswerOfAHeadAloneStaysOne) {
  start("application/grpc-web");
  const http::ResponseHead head = answer("application/grpc", End::yes);
  EXPECT_EQ(head.headers.get(HeaderId::content_type), "application/grpc-web");
  EXPECT_EQ(head.framing, Framing::length);
  EXPECT_TRUE(head.has_content_length);
  EXPECT_EQ(head.content_length, 0U);
}

TEST_F(GrpcWebTest, OtherAnswersPassAsTheyAre) {
  GrpcWeb& web = start("application/grpc-web-text");
  const http::ResponseHead head = answer("text/html");
  EXPECT_EQ(head.headers.get(HeaderId::content_type), "text/html");
  EXPECT_EQ(head.content_length, 7U);
  EXPECT_FALSE(web.bridging());
  ByteQueue data = bytes_of("<html/>");
  web.send_body(data, End::yes);
  EXPECT_EQ(client_.sent.body, "<html/>");
  EXPECT_TRUE(client_.sent.ended);
  EXPECT_EQ(web.on_sent(7), 7U);
}

TEST_F(GrpcWebTest, KnowsWhetherAMessageIsUnderWay) {
  GrpcWeb& web = start("application/grpc-web");
  answer();
  EXPECT_TRUE(web.between_messages());
  ByteQueue data = bytes_of(kMessage.substr(0, 6));
  web.send_body(data, End::no);
  EXPECT_FALSE(web.between_messages());
}

}  // namespace
}  // namespace pingap::proxy
