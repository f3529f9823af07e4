// The proxy gives up: a sink that resets its stream inside each of the callbacks, and a session
// that is told to end, at each moment.
#include "session/contract_server.h"

namespace pingap::session::contract {
namespace {

using http::Framing;

class ServerResets : public ServerContract {
 protected:
  // A reset inside the callback `hook` names; the sink fails the test when it is called again.
  Hook reset() {
    return [this] { sink().reset(); };
  }

  void expect_reset() {
    EXPECT_TRUE(sink().over());
    EXPECT_FALSE(sink().closed) << "on_closed behind reset()";
    expect_stream_left();
  }
};

INSTANTIATE_TEST_SUITE_P(Contract, ServerResets, server_protocols(), protocol_name);

TEST_P(ServerResets, InOnHead) {
  at_stream = [this] { sink().at_head = reset(); };
  ask();
  expect_reset();
}

TEST_P(ServerResets, InOnHeadWithTheBodyBehindIt) {
  at_stream = [this] { sink().at_head = reset(); };
  link.say(join({protocol->head({.method = "POST", .body = Body::length, .length = 5}),
                 protocol->body("01234", End::yes)}));
  EXPECT_EQ(sink().body, "");
  expect_reset();
}

TEST_P(ServerResets, InOnHeadWithTheNextRequestBehindIt) {
  at_stream = [this] { sink().at_head = reset(); };
  link.say(join({protocol->head({}), protocol->head({})}));
  EXPECT_TRUE(sinks()[0].over());
  if (!protocol->multiplexes()) {
    EXPECT_EQ(streams(), 1U);
    expect_reset();
    return;
  }
  ASSERT_EQ(streams(), 2U);
  sink().answer("untouched");
  link.settle();
  EXPECT_EQ(answer().body, "untouched");
}

TEST_P(ServerResets, InOnBody) {
  upload(10).at_body = reset();
  body("01234");
  expect_reset();
}

TEST_P(ServerResets, InOnBodyAtTheEnd) {
  upload(10).at_body = reset();
  body("0123456789", End::yes);
  expect_reset();
}

TEST_P(ServerResets, InOnBodyBeforeTheTrailers) {
  ask({.method = "POST", .body = Body::chunked});
  sink().at_body = reset();
  link.say(join({protocol->body("01234", End::no), protocol->trailers("x-end: 1")}));
  EXPECT_EQ(sink().trailers, "");
  expect_reset();
}

TEST_P(ServerResets, InOnTrailers) {
  ask({.method = "POST", .body = Body::chunked});
  sink().at_trailers = reset();
  link.say(join({protocol->body("01234", End::no), protocol->trailers("x-end: 1")}));
  expect_reset();
}

TEST_P(ServerResets, InOnSent) {
  ask().at_sent = reset();
  sink().send_head(200, Framing::length, 10);
  sink().send_body("01234", End::no);
  link.settle();
  EXPECT_FALSE(answer().whole);
  expect_reset();
}

TEST_P(ServerResets, InOnSentOfTheLastByte) {
  ask().at_sent = reset();
  sink().answer("whole");
  link.settle();
  expect_reset();
}

TEST_P(ServerResets, InOnSentWhileTheClientTakesNoMore) {
  link.take(500);
  ask().at_sent = reset();
  sink().answer(letters(1000));
  link.settle();
  EXPECT_FALSE(answer().whole);
  expect_reset();
}

TEST_P(ServerResets, InOnRefused) {
  upload(10).at_refused = reset();
  link.pass(settings.body_timeout + kTick);
  EXPECT_EQ(sink().refused, ErrorCode::body_timeout);
  expect_reset();
}

TEST_P(ServerResets, InOnBodyOfATunnel) {
  CONTRACT_NEEDS(tunnel);
  tunnel().at_body = reset();
  link.say("in");
  expect_reset();
}

TEST_P(ServerResets, InOnBodyAtTheEndOfATunnel) {
  CONTRACT_NEEDS(tunnel);
  tunnel().at_body = reset();
  link.fin();
  expect_reset();
}

TEST_P(ServerResets, BetweenEvents) {
  ask();
  sink().reset();
  link.settle();
  expect_reset();
}

TEST_P(ServerResets, BehindAPartOfTheAnswerShowsThatItIsNotWhole) {
  ask().send_head(200, Framing::chunked);
  sink().send_body("part", End::no);
  sink().reset();
  link.settle();
  EXPECT_EQ(answer().body, "part") << "what was given is still written";
  EXPECT_FALSE(answer().whole);
  expect_reset();
}

TEST_P(ServerResets, InOnClosedOfTheStreamBeforeItIsNoConcernOfTheNext) {
  ask();
  link.wire.say(protocol->head({}));
  at_stream = [this] { sink().at_head = reset(); };
  sink().answer("one");
  link.event();
  EXPECT_EQ(streams(), 2U);
  EXPECT_EQ(answer().body, "one");
  expect_reset();
}

class ServerStops : public ServerContract {};

INSTANTIATE_TEST_SUITE_P(Contract, ServerStops, server_protocols(), protocol_name);

TEST_P(ServerStops, DrainClosesAnUnusedConnection) {
  protocol->drain();
  link.settle();
  expect_left();
}

TEST_P(ServerStops, DrainClosesAnIdleConnection) {
  ask().answer("one");
  link.settle();
  protocol->drain();
  link.settle();
  expect_left();
  EXPECT_EQ(streams(), 1U);
}

TEST_P(ServerStops, DrainAnswersWhatHadArrived) {
  link.wire.say(protocol->head({}));
  protocol->drain();
  link.settle();
  ASSERT_EQ(streams(), 1U);
  sink().answer("last");
  link.settle();
  EXPECT_EQ(answer().body, "last");
  expect_left();
}

TEST_P(ServerStops, DrainLetsTheAnswerOut) {
  ask().send_head(200, Framing::length, 10);
  sink().send_body("01234", End::no);
  link.settle();
  protocol->drain();
  link.settle();
  EXPECT_FALSE(sink().closed);
  sink().send_body("56789", End::yes);
  link.settle();
  EXPECT_EQ(answer().body, "0123456789");
  EXPECT_TRUE(sink().closed && !sink().why);
  expect_left();
}

TEST_P(ServerStops, DrainLetsTheRequestIn) {
  upload(10);
  protocol->drain();
  link.settle();
  body("0123456789", End::yes);
  EXPECT_TRUE(sink().whole);
  sink().answer("last");
  link.settle();
  EXPECT_EQ(answer().body, "last");
  expect_left();
}

TEST_P(ServerStops, DrainLetsAHeadComeToItsEnd) {
  const std::string head = protocol->head({});
  link.say(head.substr(0, 12));
  protocol->drain();
  link.say(head.substr(12));
  ASSERT_EQ(streams(), 1U);
  sink().answer("last");
  link.settle();
  EXPECT_EQ(answer().body, "last");
  expect_left();
}

TEST_P(ServerStops, DrainLeavesATunnelOpen) {
  CONTRACT_NEEDS(tunnel);
  tunnel();
  protocol->drain();
  link.say("more");
  EXPECT_EQ(sink().body, "more");
  EXPECT_FALSE(sink().closed);
}

TEST_P(ServerStops, ConnectionThatComesLateIsServedOnce) {
  protocol->serve_one();
  ask().answer("only");
  link.settle();
  EXPECT_EQ(answer().body, "only");
  expect_left();
}

TEST_P(ServerStops, ConnectionThatComesLateMustBeQuick) {
  protocol->serve_one();
  link.pass(2s + kTick);
  expect_left();
}

TEST_P(ServerStops, AbortOfAnIdleConnectionTellsNobody) {
  ask().answer("one");
  link.settle();
  protocol->abort();
  link.settle();
  expect_left();
  EXPECT_EQ(streams(), 1U);
}

TEST_P(ServerStops, AbortIsToldInTheRequest) {
  upload(10);
  body("01234");
  protocol->abort();
  link.settle();
  EXPECT_EQ(sink().why.code, ErrorCode::shutting_down);
  expect_left();
}

TEST_P(ServerStops, AbortIsToldInTheAnswer) {
  link.take(500);
  ask().answer(letters(1000));
  link.settle();
  protocol->abort();
  link.settle();
  EXPECT_EQ(sink().why.code, ErrorCode::shutting_down);
  EXPECT_FALSE(answer().whole);
  expect_left();
}

TEST_P(ServerStops, AbortIsToldInATunnel) {
  CONTRACT_NEEDS(tunnel);
  tunnel();
  protocol->abort();
  link.settle();
  EXPECT_EQ(sink().why.code, ErrorCode::shutting_down);
  expect_left();
}

}  // namespace
}  // namespace pingap::session::contract
