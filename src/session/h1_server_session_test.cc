// What is HTTP/1's own in a server session: pipelines, HTTP/1.0, refused heads and the way a
// connection is closed so that the last answer is read (RFC 9112 9.6).
#include "session/contract_server.h"

namespace pingap::session::contract {
namespace {

using http::Framing;
using http::limits::kDrain;

class H1ServerOwn : public ServerContract {
 protected:
  void expect_lingers() {
    EXPECT_FALSE(gone());
    EXPECT_TRUE(link.wire.shut());
  }
};

INSTANTIATE_TEST_SUITE_P(Own, H1ServerOwn, server_protocols(), protocol_name);

TEST_P(H1ServerOwn, PipelineIsAnsweredInOrder) {
  link.say(protocol->head({}) + protocol->head({.method = "PUT"}) +
           protocol->head({.method = "DELETE"}));
  for (const std::string method : {"GET", "PUT", "DELETE"}) {
    EXPECT_EQ(sink().method, method);
    sink().answer(method);
    link.settle();
    EXPECT_EQ(answer().body, method);
  }
  EXPECT_EQ(streams(), 3U);
  EXPECT_FALSE(gone());
}

TEST_P(H1ServerOwn, NextRequestWaitsForTheAnswerToBeOut) {
  link.take(0);
  ask().answer("one");
  link.say(protocol->head({}));
  EXPECT_EQ(streams(), 1U);
  link.take_all();
  EXPECT_EQ(streams(), 2U);
}

TEST_P(H1ServerOwn, NextRequestIsNotReadWhileTheSinkThinks) {
  ask();
  link.say(protocol->head({}));
  EXPECT_EQ(streams(), 1U);
  EXPECT_GT(link.wire.unread(), 0U);
  sink().answer("one");
  link.settle();
  EXPECT_EQ(streams(), 2U);
}

TEST_P(H1ServerOwn, HalfOfTheNextHeadWaitsForItsRest) {
  const std::string next = protocol->head({.method = "PUT"});
  link.say(protocol->head({}) + next.substr(0, 10));
  sink().answer("one");
  link.settle();
  EXPECT_EQ(streams(), 1U);
  link.say(next.substr(10));
  EXPECT_EQ(sink().method, "PUT");
}

TEST_P(H1ServerOwn, RequestThatSaysCloseIsTheLast) {
  link.say(protocol->head({.close = true}) + protocol->head({}));
  sink().answer("last");
  link.settle();
  EXPECT_EQ(streams(), 1U);
  EXPECT_TRUE(answer().says("Connection: close\r\n"));
  EXPECT_TRUE(link.wire.shut());
}

TEST_P(H1ServerOwn, ConnectionThatIsNotKeptIsClosedAtOnce) {
  ask({.close = true});
  sink().answer("last");
  link.settle();
  EXPECT_TRUE(gone());
}

TEST_P(H1ServerOwn, NumberOfRequestsIsLimited) {
  settings.keepalive_requests = 2;
  ask().answer("one");
  link.settle();
  EXPECT_FALSE(answer().says("Connection: close\r\n"));
  ask().answer("two");
  link.settle();
  EXPECT_TRUE(answer().says("Connection: close\r\n"));
  EXPECT_TRUE(gone());
}

TEST_P(H1ServerOwn, AnswerDuringADrainSaysThatItIsTheLast) {
  ask();
  protocol->drain();
  sink().answer("last");
  link.settle();
  EXPECT_TRUE(answer().says("Connection: close\r\n"));
}

TEST_P(H1ServerOwn, Http10GetsTheEndOfTheConnectionForTheEndOfTheBody) {
  ask({.http10 = true});
  sink().send_head(200, Framing::chunked);
  sink().send_body("hello", End::yes);
  link.settle();
  EXPECT_EQ(answer().body, "hello");
  EXPECT_FALSE(answer().says("chunked"));
  EXPECT_TRUE(gone());
  EXPECT_FALSE(link.wire.aborted());
}

TEST_P(H1ServerOwn, Http10GetsNoInterimAnswers) {
  ask({.http10 = true});
  sink().send_interim(103);
  sink().answer("final");
  link.settle();
  EXPECT_EQ(answers(), 1U);
}

// The end of the connection would look like the end of the body (RFC 9112 8).
TEST_P(H1ServerOwn, BodyUntilCloseThatBreaksOffEndsWithAReset) {
  ask({.http10 = true});
  sink().send_head(200, Framing::until_close);
  sink().send_body("hel", End::no);
  sink().reset();
  link.settle();
  EXPECT_EQ(answer().body, "hel");
  EXPECT_FALSE(answer().whole);
  EXPECT_TRUE(link.wire.aborted());
}

TEST_P(H1ServerOwn, BodyUntilCloseThatIsAbortedEndsWithAReset) {
  ask({.http10 = true});
  sink().send_head(200, Framing::until_close);
  sink().send_body("hel", End::no);
  link.settle();
  protocol->abort();
  EXPECT_TRUE(link.wire.aborted());
}

TEST_P(H1ServerOwn, LengthThatBreaksOffNeedsNoReset) {
  ask().send_head(200, Framing::length, 10);
  sink().send_body("hel", End::no);
  sink().reset();
  link.settle();
  EXPECT_FALSE(answer().whole);
  EXPECT_FALSE(link.wire.aborted());
}

TEST_P(H1ServerOwn, HeadThatIsNoneIsRefusedAndTheConnectionLingers) {
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

TEST_P(H1ServerOwn, LingeringEndsAfterAWhile) {
  link.say("GET /\r\n\r\n");
  sink().answer("no", 400);
  link.settle();
  expect_lingers();
  link.pass(2s + kTick);
  EXPECT_TRUE(gone());
}

TEST_P(H1ServerOwn, LingeringReadsAwayALimitedAmount) {
  link.say("GET /\r\n\r\n");
  sink().answer("no", 400);
  link.settle();
  link.say(letters(kDrain * 3));
  EXPECT_GT(link.wire.unread(), kDrain);
  expect_lingers();
  link.fin();
  EXPECT_TRUE(gone());
}

TEST_P(H1ServerOwn, BodyThatIsNoneIsRefused) {
  ask({.method = "POST", .body = Body::chunked});
  link.say("5\r\nhello\r\nZZ\r\n");
  EXPECT_EQ(sink().refused, ErrorCode::bad_chunk);
  sink().answer("no", 400);
  link.settle();
  expect_lingers();
}

TEST_P(H1ServerOwn, RestOfAnAnsweredBodyIsReadAway) {
  upload(kDrain).answer("early");
  link.settle();
  EXPECT_FALSE(answer().says("Connection: close\r\n"));
  EXPECT_TRUE(sink().closed);
  body(letters(kDrain), End::yes);
  expect_reusable();
}

TEST_P(H1ServerOwn, LongRestOfAnAnsweredBodyEndsTheConnection) {
  upload(kDrain + 1).answer("early");
  link.settle();
  EXPECT_TRUE(answer().says("Connection: close\r\n"));
  expect_lingers();
}

TEST_P(H1ServerOwn, UnknownRestOfAnAnsweredBodyEndsTheConnection) {
  ask({.method = "POST", .body = Body::chunked});
  sink().answer("early");
  link.settle();
  EXPECT_TRUE(answer().says("Connection: close\r\n"));
  expect_lingers();
}

TEST_P(H1ServerOwn, RestOfAnAnsweredBodyThatStopsEndsTheConnection) {
  upload(10).answer("early");
  link.settle();
  body("01234");
  link.pass(2s + kTick);
  EXPECT_TRUE(link.wire.shut());
  link.pass(2s + kTick);
  EXPECT_TRUE(gone());
}

TEST_P(H1ServerOwn, FinInTheRestOfAnAnsweredBodyEndsTheConnection) {
  upload(10).answer("early");
  link.settle();
  link.say_and_fin("01234");
  EXPECT_TRUE(gone());
}

TEST_P(H1ServerOwn, DrainInTheRestOfAnAnsweredBodyEndsBehindIt) {
  upload(10).answer("early");
  link.settle();
  protocol->drain();
  EXPECT_FALSE(gone());
  body("0123456789", End::yes);
  EXPECT_TRUE(gone() || link.wire.shut());
}

TEST_P(H1ServerOwn, HeadOfManyReadsIsFound) {
  const std::string cookie = letters(30'000);
  const std::string head = "GET / HTTP/1.1\r\nHost: a.test\r\nCookie: " + cookie + "\r\n\r\n";
  link.say_in_pieces(head + protocol->head({.method = "PUT"}), 999);
  ASSERT_EQ(streams(), 1U);
  sink().answer("one");
  link.settle();
  EXPECT_EQ(sink().method, "PUT");
}

}  // namespace
}  // namespace pingap::session::contract
