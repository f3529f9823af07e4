// What a sink may answer with, and what the client hears of it.
#include "session/contract_server.h"

namespace pingap::session::contract {
namespace {

using http::Framing;

class ServerAnswers : public ServerContract {
 protected:
  void expect_ended_well() {
    link.settle();
    EXPECT_TRUE(sink().closed);
    EXPECT_FALSE(sink().why);
  }
};

INSTANTIATE_TEST_SUITE_P(Contract, ServerAnswers, server_protocols(), protocol_name);

TEST_P(ServerAnswers, LengthIsKept) {
  ask().answer("hello");
  expect_ended_well();
  EXPECT_EQ(answer().start, "200");
  EXPECT_EQ(answer().body, "hello");
  EXPECT_TRUE(answer().whole);
  expect_reusable();
}

TEST_P(ServerAnswers, UnknownLengthHasAnEndOfItsOwn) {
  ask().send_head(200, Framing::chunked);
  sink().send_body("hel", End::no);
  sink().send_body("lo", End::yes);
  expect_ended_well();
  EXPECT_EQ(answer().body, "hello");
  EXPECT_TRUE(answer().whole);
  expect_reusable();
}

TEST_P(ServerAnswers, BodyUntilTheBackendClosesHasAnEndOfItsOwn) {
  ask().send_head(200, Framing::until_close);
  sink().send_body("hello", End::yes);
  expect_ended_well();
  EXPECT_EQ(answer().body, "hello");
  EXPECT_TRUE(answer().whole);
  expect_reusable();
}

TEST_P(ServerAnswers, EndMayComeWithoutBytes) {
  ask().send_head(200, Framing::chunked);
  sink().send_body("hello", End::no);
  link.settle();
  EXPECT_FALSE(answer().whole);
  sink().send_body("", End::yes);
  expect_ended_well();
  EXPECT_TRUE(answer().whole);
  expect_reusable();
}

TEST_P(ServerAnswers, TrailersEndTheBody) {
  ask().send_head(200, Framing::chunked);
  sink().send_body("hello", End::no);
  sink().send_trailers("X-End", "1");
  expect_ended_well();
  EXPECT_EQ(answer().body, "hello");
  EXPECT_EQ(answer().trailers, "X-End: 1\r\n");
  EXPECT_TRUE(answer().whole);
  expect_reusable();
}

TEST_P(ServerAnswers, TrailersAreDroppedWhereThereIsNoPlaceForThem) {
  ask().send_head(200, Framing::length, 5);
  sink().send_body("hello", End::no);
  sink().send_trailers("X-End", "1");
  expect_ended_well();
  EXPECT_EQ(answer().body, "hello");
  EXPECT_TRUE(answer().whole);
  expect_reusable();
}

TEST_P(ServerAnswers, BodilessAnswersHaveNone) {
  for (const int status : {204, 304}) {
    ask().send_head(status, Framing::none, 0, End::yes);
    expect_ended_well();
    EXPECT_EQ(answer().start, std::to_string(status));
    EXPECT_EQ(answer().body, "");
  }
  expect_reusable();
}

TEST_P(ServerAnswers, HeadIsAnsweredWithoutItsBody) {
  ask({.method = "HEAD"});
  sink().send_head(200, Framing::length, 5);
  sink().send_body("hello", End::yes);
  sink().loses = true;
  expect_ended_well();
  EXPECT_TRUE(answer().whole);
  expect_reusable();
}

TEST_P(ServerAnswers, HeadIsAnsweredWithoutTheEndOfABody) {
  ask({.method = "HEAD"});
  sink().send_head(200, Framing::chunked, 0, End::yes);
  expect_ended_well();
  expect_reusable();
}

TEST_P(ServerAnswers, InterimAnswersComeBeforeTheFinalOne) {
  ask().send_interim(103);
  link.settle();
  EXPECT_EQ(answer().start, "103");
  sink().send_interim(102);
  sink().answer("final");
  expect_ended_well();
  const std::vector<Message> all = protocol->answers(link.wire);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[1].start, "102");
  EXPECT_EQ(all[2].body, "final");
  expect_reusable();
}

TEST_P(ServerAnswers, ContinueLetsTheBodyCome) {
  ask({.method = "POST", .body = Body::length, .length = 5, .expect = true});
  sink().send_interim(100);
  link.settle();
  EXPECT_EQ(answer().start, "100");
  body("hello", End::yes);
  EXPECT_EQ(sink().body, "hello");
  sink().answer("thanks");
  expect_ended_well();
  EXPECT_EQ(answer().body, "thanks");
  expect_reusable();
}

TEST_P(ServerAnswers, FinalAnswerInsteadOfContinueIsTheLast) {
  ask({.method = "POST", .body = Body::length, .length = 5, .expect = true});
  sink().answer("no", 417);
  expect_ended_well();
  EXPECT_EQ(answer().start, "417");
  link.pass(5s);
  expect_stream_left();  // nobody knows whether the body comes
}

TEST_P(ServerAnswers, HeadOnlyIsTakenBack) {
  CONTRACT_NEEDS(take_back);
  ask().send_head(200, Framing::length, 10);
  EXPECT_TRUE(sink().stream->unsend());
  sink().answer("instead", 502);
  expect_ended_well();
  ASSERT_EQ(answers(), 1U);
  EXPECT_EQ(answer().start, "502");
  EXPECT_EQ(answer().body, "instead");
}

TEST_P(ServerAnswers, HeadWithBodyIsTakenBack) {
  CONTRACT_NEEDS(take_back);
  ask().send_head(200, Framing::chunked);
  sink().send_body("half of it", End::no);
  EXPECT_TRUE(sink().stream->unsend());
  sink().given = 0;
  sink().answer("instead", 502);
  expect_ended_well();
  ASSERT_EQ(answers(), 1U);
  EXPECT_EQ(answer().start, "502");
  EXPECT_EQ(answer().body, "instead");
}

TEST_P(ServerAnswers, WholeAnswerIsTakenBack) {
  CONTRACT_NEEDS(take_back);
  ask().answer("mistaken");
  EXPECT_TRUE(sink().stream->unsend());
  sink().given = 0;
  link.settle();
  EXPECT_EQ(link.wire.written(), "");
  EXPECT_FALSE(sink().closed);
  sink().answer("instead", 502);
  expect_ended_well();
  ASSERT_EQ(answers(), 1U);
  EXPECT_EQ(answer().body, "instead");
}

TEST_P(ServerAnswers, WhatHasLeftIsNotTakenBack) {
  ask().send_head(200, Framing::length, 5);
  link.settle();
  EXPECT_FALSE(sink().stream->unsend());
  sink().send_body("hello", End::yes);
  expect_ended_well();
  EXPECT_EQ(answer().body, "hello");
  expect_reusable();
}

TEST_P(ServerAnswers, WhatHasLeftInPartIsNotTakenBack) {
  link.take(10);
  ask().send_head(200, Framing::length, 5);
  link.settle();
  EXPECT_FALSE(sink().stream->unsend());
  link.take_all();
  sink().send_body("hello", End::yes);
  expect_ended_well();
  EXPECT_EQ(answer().body, "hello");
}

TEST_P(ServerAnswers, AnswerBehindAnInterimOneIsNotTakenBack) {
  ask().send_interim(103);
  sink().send_head(200, Framing::length, 5);
  EXPECT_FALSE(sink().stream->unsend());
  sink().send_body("hello", End::yes);
  expect_ended_well();
  EXPECT_EQ(answers(), 2U);
  EXPECT_EQ(answer().body, "hello");
}

TEST_P(ServerAnswers, TunnelIsNotTakenBack) {
  CONTRACT_NEEDS(tunnel);
  ask({.websocket = true});
  sink().send_head(101, Framing::tunnel);
  EXPECT_FALSE(sink().stream->unsend());
}

TEST_P(ServerAnswers, SinkAnswersInsideOnHead) {
  at_stream = [this] { sink().at_head = [this] { sink().answer("at once"); }; };
  ask();
  EXPECT_TRUE(sink().closed && !sink().why);
  EXPECT_EQ(answer().body, "at once");
  expect_reusable();
}

TEST_P(ServerAnswers, SinkAnswersInsideOnBody) {
  upload(10).at_body = [this] { sink().answer("at the end"); };
  body("0123456789", End::yes);
  EXPECT_TRUE(sink().closed && !sink().why);
  EXPECT_EQ(answer().body, "at the end");
  expect_reusable();
}

TEST_P(ServerAnswers, SinkAnswersInsideOnRefused) {
  upload(10).at_refused = [this] { sink().answer("slow", 408); };
  link.pass(settings.body_timeout + kTick);
  EXPECT_TRUE(sink().closed && !sink().why);
  EXPECT_EQ(answer().start, "408");
}

TEST_P(ServerAnswers, RefusedBodyEndsTheAnswerThatWasUnderWay) {
  upload(10).send_head(200, Framing::chunked);
  sink().send_body("part", End::no);
  link.pass(settings.body_timeout + kTick);
  EXPECT_EQ(sink().refused, ErrorCode::none) << "the answer has moved in that time";
  link.pass(settings.body_timeout + kTick);
  EXPECT_EQ(sink().refused, ErrorCode::body_timeout);
  sink().send_body("", End::yes);
  expect_ended_well();
  EXPECT_EQ(answer().body, "part");
  link.pass(5s);
  expect_stream_left();
}

}  // namespace
}  // namespace pingap::session::contract
