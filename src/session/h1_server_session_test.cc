// What is HTTP/1's own in a server session: pipelines, kept connections, HTTP/1.0, heads in pieces.
#include "session/contract_server.h"

namespace pingap::session::contract {
namespace {

using http::Framing;

class H1ServerOwn : public ServerContract {};

INSTANTIATE_TEST_SUITE_P(Own, H1ServerOwn, h1_server(), protocol_name);

TEST_P(H1ServerOwn, PipelineIsAnsweredInOrder) {
  link.say(join({protocol->head({}), protocol->head({.method = "PUT"}),
                 protocol->head({.method = "DELETE"})}));
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
  link.say(join({protocol->head({.close = true}), protocol->head({})}));
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

TEST_P(H1ServerOwn, AGentleDrainServesOneMoreOfAnIdleConnection) {
  ask().answer("one");
  link.settle();
  protocol->drain_gently();
  link.settle();
  EXPECT_FALSE(gone());
  ask().answer("two");
  link.settle();
  EXPECT_TRUE(answer().says("Connection: close\r\n"));
  EXPECT_TRUE(gone());
}

TEST_P(H1ServerOwn, AGentleDrainEndsAnIdleConnectionAfterAMoment) {
  ask().answer("one");
  link.settle();
  protocol->drain_gently();
  link.pass(2s + kTick);
  EXPECT_TRUE(gone());
}

TEST_P(H1ServerOwn, AGentleDrainKeepsAPromiseThatIsOnItsWay) {
  ask();
  sink().send_head(200, Framing::chunked);  // without "close"
  link.settle();
  protocol->drain_gently();
  sink().send_body("one", End::yes);
  link.settle();
  EXPECT_FALSE(gone());
  ask().answer("two");
  link.settle();
  EXPECT_TRUE(answer().says("Connection: close\r\n"));
  EXPECT_TRUE(gone());
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

TEST_P(H1ServerOwn, AnswerToHeadNamesNoChunks) {
  ask({.method = "HEAD"});
  sink().send_head(200, Framing::chunked, 0, End::yes);
  link.settle();
  EXPECT_FALSE(answer().says("chunked"));
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

TEST_P(H1ServerOwn, HeadBehindAnotherThatFillsTheBufferIsFound) {
  const std::string value = letters(20'000);
  const std::string next = "PUT / HTTP/1.1\r\nHost: a.test\r\nX: " + value + "\r\n\r\n";
  link.say(protocol->head({}) + next);
  sink().answer("one");
  link.settle();
  ASSERT_EQ(streams(), 2U);
  EXPECT_EQ(sink().method, "PUT");
  EXPECT_EQ(sink().fields, "Host: a.test\nX: " + value + "\n");
}

// A short head behind a long one: what was found out about that one is forgotten.
TEST_P(H1ServerOwn, EachHeadInPiecesIsLookedAtAnew) {
  link.say_in_pieces("GET / HTTP/1.1\r\nHost: a.test\r\nX-Long: " + letters(500) + "\r\n\r\n", 50);
  sink().answer("one");
  link.settle();
  link.say_in_pieces("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", 5);
  ASSERT_EQ(streams(), 2U);
  EXPECT_EQ(sink().refused, ErrorCode::none);
}

}  // namespace
}  // namespace pingap::session::contract
