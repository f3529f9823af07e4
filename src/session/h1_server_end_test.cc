// How HTTP/1 ends a connection: refused messages, answers before their request was whole, and
// bodies that end with it, so that the last answer is read and nothing passes for whole that is not
// (RFC 9112 8, 9.6).
#include "session/contract_server.h"

namespace pingap::session::contract {
namespace {

using http::Framing;
using http::limits::kDrain;

class H1ServerEnd : public ServerContract {
 protected:
  void expect_lingers() {
    EXPECT_FALSE(gone());
    EXPECT_TRUE(link.wire.shut());
  }
};

INSTANTIATE_TEST_SUITE_P(Own, H1ServerEnd, h1_server(), protocol_name);

// The end of the connection would look like the end of the body (RFC 9112 8).
TEST_P(H1ServerEnd, BodyUntilCloseThatBreaksOffEndsWithAReset) {
  ask({.http10 = true});
  sink().send_head(200, Framing::until_close);
  sink().send_body("hel", End::no);
  sink().reset();
  link.settle();
  EXPECT_EQ(answer().body, "hel");
  EXPECT_FALSE(answer().whole);
  EXPECT_TRUE(link.wire.aborted());
}

TEST_P(H1ServerEnd, BodyUntilCloseThatIsAbortedEndsWithAReset) {
  ask({.http10 = true});
  sink().send_head(200, Framing::until_close);
  sink().send_body("hel", End::no);
  link.settle();
  protocol->abort();
  EXPECT_TRUE(link.wire.aborted());
}

TEST_P(H1ServerEnd, LengthThatBreaksOffNeedsNoReset) {
  ask().send_head(200, Framing::length, 10);
  sink().send_body("hel", End::no);
  sink().reset();
  link.settle();
  EXPECT_FALSE(answer().whole);
  EXPECT_FALSE(link.wire.aborted());
}

TEST_P(H1ServerEnd, LengthThatIsAbortedNeedsNoReset) {
  ask().send_head(200, Framing::length, 10);
  sink().send_body("hel", End::no);
  link.settle();
  protocol->abort();
  EXPECT_FALSE(link.wire.aborted());
}

TEST_P(H1ServerEnd, HeadThatIsNoneIsRefusedAndTheConnectionLingers) {
  link.say("GET /\r\n\r\nGET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  ASSERT_EQ(streams(), 1U);
  EXPECT_EQ(sink().refused, ErrorCode::bad_request_line);
  sink().answer("no", 400);
  link.settle();
  EXPECT_EQ(answers(), 1U);
  expect_lingers();
  link.say(protocol->head({}));  // thrown away
  EXPECT_EQ(streams(), 1U);
  EXPECT_EQ(link.wire.unread(), 0U);
  link.fin();
  EXPECT_TRUE(gone());
}

TEST_P(H1ServerEnd, LingeringEndsAfterAWhile) {
  link.say("GET /\r\n\r\n");
  sink().answer("no", 400);
  link.settle();
  expect_lingers();
  link.pass(2s + kTick);
  EXPECT_TRUE(gone());
}

TEST_P(H1ServerEnd, LingeringReadsAwayALimitedAmount) {
  link.say("GET /\r\n\r\n");
  sink().answer("no", 400);
  link.settle();
  link.say_in_pieces(letters(kDrain - 1000), 1000);
  EXPECT_EQ(link.wire.unread(), 0U);
  link.say(letters(kDrain * 2));
  EXPECT_GT(link.wire.unread(), kDrain);
  expect_lingers();
  link.fin();
  EXPECT_TRUE(gone());
}

// Of the request before it nothing holds for the answer to something that is none.
TEST_P(H1ServerEnd, RefusalBehindHeadHasABody) {
  ask({.method = "HEAD"});
  sink().send_head(200, Framing::length, 5, End::yes);
  link.settle();
  link.say("GET /\r\n\r\n");
  sink().answer("no", 400);
  link.settle();
  EXPECT_EQ(answer().body, "no");
}

TEST_P(H1ServerEnd, RefusalBehindHttp10IsOfHttp11) {
  link.say("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  sink().answer("yes");
  link.settle();
  link.say("GET /\r\n\r\n");
  sink().send_head(400, Framing::chunked);
  sink().send_body("no", End::yes);
  link.settle();
  EXPECT_TRUE(answer().says("chunked"));
}

TEST_P(H1ServerEnd, TrailersThatAreTooManyAreRefused) {
  ask({.method = "POST", .body = Body::chunked});
  std::string lines;
  for (int i = 0; i < 1025; ++i) {
    lines += "a:\r\n";
  }
  link.say("0\r\n" + lines + "\r\n");
  EXPECT_EQ(sink().refused, ErrorCode::bad_trailer);
  EXPECT_FALSE(sink().whole);
}

TEST_P(H1ServerEnd, BodyThatIsNoneIsRefused) {
  ask({.method = "POST", .body = Body::chunked});
  link.say("5\r\nhello\r\nZZ\r\n");
  EXPECT_EQ(sink().refused, ErrorCode::bad_chunk);
  sink().answer("no", 400);
  link.settle();
  expect_lingers();
}

TEST_P(H1ServerEnd, RestOfAnAnsweredBodyIsReadAway) {
  upload(kDrain).answer("early");
  link.settle();
  EXPECT_FALSE(answer().says("Connection: close\r\n"));
  EXPECT_TRUE(sink().closed);
  body(letters(kDrain), End::yes);
  expect_reusable();
}

TEST_P(H1ServerEnd, RestOfEachAnsweredBodyIsReadAway) {
  for (int i = 0; i < 4; ++i) {
    upload(kDrain).answer("early");
    link.settle();
    body(letters(kDrain), End::yes);
    ASSERT_FALSE(link.wire.shut()) << i;
  }
  expect_reusable();
}

TEST_P(H1ServerEnd, RestOfAnAnsweredBodyBehindAFullWindowIsReadAway) {
  const std::string all = letters(http::limits::kWindow + kDrain / 2);
  upload(all.size()).hold = true;
  body(all, End::yes);
  sink().answer("early");
  link.settle();
  EXPECT_EQ(link.wire.unread(), 0U);
  expect_reusable();
}

// Whether the body of a request that expects a 100 comes, nobody knows without one (RFC
// 9110 10.1.1).
TEST_P(H1ServerEnd, AnswerInsteadOfContinueSaysThatItIsTheLast) {
  ask({.method = "POST", .body = Body::length, .length = 5, .expect = true});
  sink().send_interim(103);
  sink().answer("no", 417);
  link.settle();
  EXPECT_TRUE(answer().says("Connection: close\r\n"));
}

TEST_P(H1ServerEnd, EarlyAnswerBehindContinueKeepsTheConnection) {
  ask({.method = "POST", .body = Body::length, .length = 5, .expect = true});
  sink().send_interim(100);
  sink().answer("early");
  link.settle();
  EXPECT_FALSE(answer().says("Connection: close\r\n"));
  body("hello", End::yes);
  expect_reusable();
}

TEST_P(H1ServerEnd, LongRestOfAnAnsweredBodyEndsTheConnection) {
  upload(kDrain + 1).answer("early");
  link.settle();
  EXPECT_TRUE(answer().says("Connection: close\r\n"));
  expect_lingers();
}

TEST_P(H1ServerEnd, UnknownRestOfAnAnsweredBodyEndsTheConnection) {
  ask({.method = "POST", .body = Body::chunked});
  sink().answer("early");
  link.settle();
  EXPECT_TRUE(answer().says("Connection: close\r\n"));
  expect_lingers();
}

TEST_P(H1ServerEnd, RestOfAnAnsweredBodyThatStopsEndsTheConnection) {
  upload(10).answer("early");
  link.settle();
  body("01234");
  link.pass(2s + kTick);
  EXPECT_TRUE(link.wire.shut());
  link.pass(2s + kTick);
  EXPECT_TRUE(gone());
}

TEST_P(H1ServerEnd, FinInTheRestOfAnAnsweredBodyEndsTheConnection) {
  upload(10).answer("early");
  link.settle();
  link.say_and_fin("01234");
  EXPECT_TRUE(gone());
}

TEST_P(H1ServerEnd, DrainInTheRestOfAnAnsweredBodyEndsBehindIt) {
  upload(10).answer("early");
  link.settle();
  protocol->drain();
  EXPECT_FALSE(gone());
  body("0123456789", End::yes);
  EXPECT_TRUE(gone() || link.wire.shut());
}

}  // namespace
}  // namespace pingap::session::contract
