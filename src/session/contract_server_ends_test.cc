// A client goes away: the moments at which it can, and what the sink is told.
#include "session/contract_server.h"

namespace pingap::session::contract {
namespace {

using http::Framing;

class ServerEnds : public ServerContract {
 protected:
  // The stream is over because of the client, and the session with it.
  void expect_lost(ErrorCode code) {
    ASSERT_EQ(streams(), 1U);
    EXPECT_TRUE(sink().closed);
    EXPECT_EQ(sink().why.code, code);
    EXPECT_EQ(sink().why.side, Side::downstream);
    expect_left();
  }

  // Whatever the client did, its request was whole: the answer goes out, as the last one.
  void expect_answered_and_closed() {
    sink().answer("late");
    link.settle();
    EXPECT_EQ(answer().body, "late");
    EXPECT_TRUE(answer().whole);
    EXPECT_TRUE(sink().closed);
    EXPECT_FALSE(sink().why);
    expect_left();
    EXPECT_FALSE(link.wire.aborted());
  }
};

INSTANTIATE_TEST_SUITE_P(Contract, ServerEnds, server_protocols(), protocol_name);

TEST_P(ServerEnds, FinBeforeTheHeadIsNoStream) {
  link.fin();
  EXPECT_EQ(streams(), 0U);
  expect_left();
}

TEST_P(ServerEnds, RstBeforeTheHeadIsNoStream) {
  link.rst();
  EXPECT_EQ(streams(), 0U);
  expect_left();
}

TEST_P(ServerEnds, FinInTheHeadIsNoStream) {
  const std::string head = protocol->head({});
  link.say(head.substr(0, head.size() / 2));
  link.fin();
  EXPECT_EQ(streams(), 0U);
  expect_left();
}

TEST_P(ServerEnds, RstInTheHeadIsNoStream) {
  const std::string head = protocol->head({});
  link.say(head.substr(0, head.size() / 2));
  link.rst();
  EXPECT_EQ(streams(), 0U);
  expect_left();
}

TEST_P(ServerEnds, FinBetweenHeadAndBodyIsTold) {
  upload(10);
  link.fin();
  expect_lost(ErrorCode::client_closed);
}

TEST_P(ServerEnds, FinWithTheHeadOfAnUploadIsTold) {
  link.say_and_fin(protocol->head({.method = "POST", .body = Body::length, .length = 10}));
  expect_lost(ErrorCode::client_closed);
}

TEST_P(ServerEnds, FinInTheBodyIsToldBehindWhatCame) {
  upload(10);
  link.say_and_fin(protocol->body("01234", End::no));
  EXPECT_EQ(sink().body, "01234");
  EXPECT_FALSE(sink().whole);
  expect_lost(ErrorCode::client_closed);
}

TEST_P(ServerEnds, FinInAChunkedBodyIsNotItsEnd) {
  ask({.method = "POST", .body = Body::chunked});
  link.say_and_fin(protocol->body("01234", End::no));
  EXPECT_EQ(sink().body, "01234");
  EXPECT_FALSE(sink().whole);
  expect_lost(ErrorCode::client_closed);
}

TEST_P(ServerEnds, RstInTheBodyIsToldBehindWhatCame) {
  upload(10);
  link.wire.say(protocol->body("01234", End::no));
  link.rst();
  EXPECT_EQ(sink().body, "01234");
  expect_lost(ErrorCode::client_reset);
  EXPECT_EQ(sink().why.sys, ECONNRESET);
}

TEST_P(ServerEnds, FinWithTheLastByteLeavesTheRequestWhole) {
  CONTRACT_NEEDS(half_close);
  upload(10);
  link.say_and_fin(protocol->body("0123456789", End::yes));
  EXPECT_TRUE(sink().whole);
  EXPECT_FALSE(sink().closed);
  expect_answered_and_closed();
}

TEST_P(ServerEnds, FinBehindTheRequestIsNoAbort) {
  CONTRACT_NEEDS(half_close);
  ask();
  link.fin();
  EXPECT_FALSE(sink().closed);
  expect_answered_and_closed();
}

TEST_P(ServerEnds, FinWithTheRequestIsNoAbort) {
  CONTRACT_NEEDS(half_close);
  link.say_and_fin(protocol->head({}));
  EXPECT_FALSE(sink().closed);
  expect_answered_and_closed();
}

TEST_P(ServerEnds, RstBehindTheRequestIsTold) {
  ask();
  link.rst();
  EXPECT_TRUE(sink().whole);
  expect_lost(ErrorCode::client_reset);
}

TEST_P(ServerEnds, FinWhileTheAnswerIsPartlyWrittenIsNoAbort) {
  CONTRACT_NEEDS(half_close);
  ask().send_head(200, Framing::length, 10);
  sink().send_body("01234", End::no);
  link.fin();
  EXPECT_FALSE(sink().closed);
  sink().send_body("56789", End::yes);
  link.settle();
  EXPECT_EQ(answer().body, "0123456789");
  EXPECT_TRUE(sink().closed && !sink().why);
  expect_left();
}

TEST_P(ServerEnds, RstWhileTheAnswerIsPartlyWrittenIsTold) {
  ask().send_head(200, Framing::length, 10);
  sink().send_body("01234", End::no);
  link.rst();
  expect_lost(ErrorCode::client_reset);
}

TEST_P(ServerEnds, RstWhileTheClientDoesNotReadIsTold) {
  link.take(0);
  ask().answer(letters(1000));
  link.rst();
  expect_lost(ErrorCode::client_reset);
}

TEST_P(ServerEnds, FinWhileTheClientDoesNotReadIsNoAbort) {
  CONTRACT_NEEDS(half_close);
  link.take(0);
  ask().answer(letters(1000));
  link.fin();
  EXPECT_FALSE(sink().closed);
  link.take_all();
  EXPECT_EQ(answer().body, letters(1000));
  EXPECT_TRUE(sink().closed && !sink().why);
  expect_left();
}

TEST_P(ServerEnds, WriteOfTheHeadFails) {
  ask();
  link.wire.refuse_writes();
  sink().send_head(200, Framing::length, 10);
  link.settle();
  expect_lost(ErrorCode::client_reset);
  EXPECT_EQ(sink().why.sys, EPIPE);
}

TEST_P(ServerEnds, WriteOfTheBodyFails) {
  ask().send_head(200, Framing::length, 10);
  link.settle();
  link.wire.refuse_writes();
  sink().send_body("01234", End::no);
  link.settle();
  expect_lost(ErrorCode::client_reset);
}

TEST_P(ServerEnds, WriteOfTheLastByteFails) {
  ask().send_head(200, Framing::length, 10);
  sink().send_body("012345678", End::no);
  link.settle();
  link.wire.refuse_writes();
  sink().send_body("9", End::yes);
  link.settle();
  expect_lost(ErrorCode::client_reset);
}

TEST_P(ServerEnds, WriteFailsWhileTheRequestIsStillComing) {
  upload(10).send_head(200, Framing::length, 10);
  link.wire.refuse_writes();
  link.settle();
  expect_lost(ErrorCode::client_reset);
}

TEST_P(ServerEnds, FinBetweenRequestsIsNoStream) {
  ask().answer("one");
  link.settle();
  EXPECT_TRUE(sink().closed);
  EXPECT_FALSE(gone());
  link.fin();
  EXPECT_EQ(streams(), 1U);
  expect_left();
}

TEST_P(ServerEnds, RstBetweenRequestsIsNoStream) {
  ask().answer("one");
  link.settle();
  link.rst();
  EXPECT_EQ(streams(), 1U);
  expect_left();
}

TEST_P(ServerEnds, RstWhileTheWindowIsExhaustedIsTold) {
  upload(http::limits::kWindow * 2).hold = true;
  body(letters(http::limits::kWindow));
  link.rst();
  expect_lost(ErrorCode::client_reset);
}

TEST_P(ServerEnds, FinWhileTheWindowIsExhaustedIsFoundWhenItOpens) {
  CONTRACT_NEEDS(half_close);
  const std::string all = letters(http::limits::kWindow + 20'000);
  upload(all.size()).hold = true;
  body(all, End::yes);
  link.fin();
  EXPECT_FALSE(sink().whole);
  sink().release_all();
  link.settle();
  EXPECT_EQ(sink().body, all);
  EXPECT_TRUE(sink().whole);
  expect_answered_and_closed();
}

}  // namespace
}  // namespace pingap::session::contract
