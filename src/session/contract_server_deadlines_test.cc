// A client that takes its time: which deadline holds at which moment, and who is told.
#include "session/contract_server.h"

namespace pingap::session::contract {
namespace {

using http::Framing;
using http::limits::kWindow;

class ServerDeadlines : public ServerContract {
 protected:
  // So many bytes of a body each second, until it is refused.
  void trickle(size_t bytes, int seconds) {
    for (int i = 0; i < seconds && sink().refused == ErrorCode::none; ++i) {
      body(letters(bytes));
      link.pass(1s);
    }
  }

  // Nothing happens before `deadline`, and then the session is at its end.
  void expect_gone_after(Duration deadline) {
    link.pass(deadline - kTick);
    EXPECT_FALSE(gone());
    link.pass(2 * kTick);
    expect_left();
  }

  void expect_refused_after(Duration deadline, ErrorCode why) {
    link.pass(deadline - kTick);
    EXPECT_EQ(streams() == 0 ? ErrorCode::none : sink().refused, ErrorCode::none);
    link.pass(2 * kTick);
    ASSERT_EQ(streams(), 1U);
    EXPECT_EQ(sink().refused, why);
    EXPECT_FALSE(sink().closed);
    // It can be answered, and that was the last.
    sink().answer("too late", 408);
    link.settle();
    EXPECT_EQ(answer().start, "408");
    EXPECT_TRUE(sink().closed && !sink().why);
    link.pass(5s);
    expect_stream_left();
  }
};

INSTANTIATE_TEST_SUITE_P(Contract, ServerDeadlines, server_protocols(), protocol_name);

TEST_P(ServerDeadlines, SilenceBeforeTheHeadEndsWithoutAnAnswer) {
  expect_gone_after(settings.header_timeout);
  EXPECT_EQ(streams(), 0U);
  EXPECT_EQ(answers(), 0U);
}

TEST_P(ServerDeadlines, HeadThatStopsIsRefused) {
  CONTRACT_NEEDS(answer_to_any_head);
  const std::string head = protocol->head({});
  link.say(head.substr(0, head.size() / 2));
  expect_refused_after(settings.header_timeout, ErrorCode::header_timeout);
}

TEST_P(ServerDeadlines, HeadIsTimedFromTheStartNotPerByte) {
  CONTRACT_NEEDS(answer_to_any_head);
  const std::string head = protocol->head({});
  for (size_t i = 0; i < 9; ++i) {
    link.say(head.substr(i, 1));
    link.pass(1s);
  }
  expect_refused_after(settings.header_timeout - 9s, ErrorCode::header_timeout);
}

TEST_P(ServerDeadlines, FirstHeadIsTimedFromTheConnection) {
  CONTRACT_NEEDS(answer_to_any_head);
  link.pass(5s);
  const std::string head = protocol->head({});
  link.say(head.substr(0, head.size() / 2));
  expect_refused_after(settings.header_timeout - 5s, ErrorCode::header_timeout);
}

TEST_P(ServerDeadlines, NextHeadIsTimedFromItsFirstByte) {
  ask().answer("one");
  link.pass(15s);
  const std::string head = protocol->head({});
  link.say(head.substr(0, 12));
  link.pass(settings.header_timeout - kTick);
  link.say(head.substr(12));
  EXPECT_EQ(streams(), 2U);
  EXPECT_EQ(sink().refused, ErrorCode::none);
  sink().answer("two");
  link.settle();
  EXPECT_EQ(answer().body, "two");
}

TEST_P(ServerDeadlines, BodyThatNeverStartsIsRefused) {
  upload(10);
  expect_refused_after(settings.body_timeout, ErrorCode::body_timeout);
}

TEST_P(ServerDeadlines, BodyThatStopsIsRefused) {
  upload(10);
  link.pass(20s);
  body("01234");
  EXPECT_EQ(sink().body, "01234");
  expect_refused_after(settings.body_timeout, ErrorCode::body_timeout);
}

TEST_P(ServerDeadlines, BodyIsNotTimedWhileTheSinkHoldsIt) {
  const std::string all = letters(kWindow + 20'000);
  upload(all.size()).hold = true;
  body(all, End::yes);
  link.pass(settings.body_timeout * 3);
  EXPECT_EQ(sink().refused, ErrorCode::none);
  sink().release_all();
  link.settle();
  EXPECT_EQ(sink().body, all);
}

TEST_P(ServerDeadlines, BodyIsTimedAgainOnceTheSinkTookIt) {
  const std::string part = letters(kWindow);
  upload(part.size() * 2).hold = true;
  body(part);
  link.pass(settings.body_timeout * 3);
  sink().release_all();
  link.pass(settings.body_timeout + 1s);
  EXPECT_EQ(sink().refused, ErrorCode::body_timeout);
}

TEST_P(ServerDeadlines, BodyThatTricklesIsRefusedForItsRate) {
  settings.min_body_rate = 10;
  upload(10'000);
  trickle(9, 31);
  EXPECT_EQ(sink().refused, ErrorCode::body_too_slow);
}

TEST_P(ServerDeadlines, BodyThatKeepsItsRateIsNotRefused) {
  settings.min_body_rate = 10;
  upload(10'000);
  trickle(11, 70);
  EXPECT_EQ(sink().refused, ErrorCode::none);
}

TEST_P(ServerDeadlines, RateOfTheStartDoesNotHelpLater) {
  settings.min_body_rate = 10;
  upload(100'000);
  trickle(1000, 31);
  trickle(9, 31);
  EXPECT_EQ(sink().refused, ErrorCode::body_too_slow);
}

TEST_P(ServerDeadlines, RateOfTheBodyBeforeDoesNotHelp) {
  settings.min_body_rate = 10;
  upload(10'000);
  body(letters(9'999));
  body("z", End::yes);
  sink().answer("ok");
  link.settle();
  upload(10'000);
  trickle(9, 31);
  EXPECT_EQ(sink().refused, ErrorCode::body_too_slow);
}

TEST_P(ServerDeadlines, RateBeforeTheSinkHeldTheBodyDoesNotHelp) {
  settings.min_body_rate = 10;
  upload(kWindow * 2).hold = true;
  body(letters(kWindow));
  link.pass(10s);
  sink().release_all();
  sink().hold = false;
  trickle(9, 31);
  EXPECT_EQ(sink().refused, ErrorCode::body_too_slow);
}

TEST_P(ServerDeadlines, RateIsNotCountedWhileTheSinkHoldsTheBody) {
  settings.min_body_rate = 10;
  upload(kWindow * 2).hold = true;
  body(letters(kWindow));
  link.pass(60s);  // a window has run out, and would be found too slow by the next byte
  sink().release_all();
  trickle(11, 29);
  EXPECT_EQ(sink().refused, ErrorCode::none);
}

TEST_P(ServerDeadlines, SinkMayTakeItsTimeForTheAnswer) {
  ask();
  link.pass(1h);
  EXPECT_FALSE(sink().closed);
  sink().answer("at last");
  link.settle();
  EXPECT_EQ(answer().body, "at last");
}

TEST_P(ServerDeadlines, SinkMayPauseInItsAnswer) {
  ask().send_head(200, Framing::length, 4);
  sink().send_body("he", End::no);
  link.pass(1h);
  EXPECT_FALSE(sink().closed);
  sink().send_body("re", End::yes);
  link.settle();
  EXPECT_EQ(answer().body, "here");
  expect_reusable();
}

TEST_P(ServerDeadlines, ClientThatTakesNothingIsStalled) {
  link.take(0);
  ask().answer(letters(100));
  link.settle();
  link.pass(settings.write_timeout - kTick);
  EXPECT_FALSE(sink().closed);
  link.pass(2 * kTick);
  EXPECT_EQ(sink().why.code, ErrorCode::client_stalled);
  expect_left();
  EXPECT_TRUE(link.wire.aborted()) << "the kernel would go on with what it holds";
}

TEST_P(ServerDeadlines, ClientThatTakesNoHeadIsStalled) {
  link.take(0);
  ask().send_head(200, Framing::length, 10);
  link.settle();
  link.pass(settings.write_timeout + 2 * kTick);
  EXPECT_EQ(sink().why.code, ErrorCode::client_stalled);
  expect_left();
}

TEST_P(ServerDeadlines, WhatWasTakenBeforeDoesNotHelpAClientThatStops) {
  ask().answer(letters(5000));
  link.settle();
  link.take(0);
  ask().answer(letters(5000));
  link.settle();
  link.pass(settings.write_timeout + 2 * kTick);
  EXPECT_EQ(sink().why.code, ErrorCode::client_stalled);
}

TEST_P(ServerDeadlines, ClientThatStopsInTheBodyIsStalled) {
  link.take(2000);
  ask().answer(letters(100'000));
  link.pass(settings.write_timeout * 2 + 1s);  // the first one had seen progress
  EXPECT_EQ(sink().why.code, ErrorCode::client_stalled);
  expect_left();
}

TEST_P(ServerDeadlines, ClientThatStopsBeforeTheTrailersIsStalled) {
  ask().send_head(200, Framing::chunked);
  sink().send_body("body", End::no);
  link.settle();
  link.take(0);
  sink().send_trailers("X-End", "1");
  link.settle();
  link.pass(settings.write_timeout + 2 * kTick);
  EXPECT_EQ(sink().why.code, ErrorCode::client_stalled);
  expect_left();
}

TEST_P(ServerDeadlines, SlowClientThatGoesOnIsNotStalled) {
  link.take(0);
  ask().answer(letters(100'000));
  for (int i = 0; i < 40; ++i) {
    link.pass(settings.write_timeout / 2);
    link.take(2048);
  }
  EXPECT_FALSE(sink().closed);
  link.take_all();
  EXPECT_EQ(answer().body, letters(100'000));
  expect_reusable();
}

TEST_P(ServerDeadlines, IdleConnectionIsClosedWithoutAStream) {
  ask().answer("one");
  link.settle();
  expect_gone_after(settings.keepalive_timeout);
  EXPECT_EQ(streams(), 1U);
}

TEST_P(ServerDeadlines, NothingIsTimedBehindAnAnswerButTheIdleness) {
  link.take(0);
  ask().answer("one");
  link.pass(30s);
  link.take_all();  // the write timer had run for most of its time
  link.pass(settings.keepalive_timeout - kTick);
  EXPECT_FALSE(gone());
  expect_reusable();
}

TEST_P(ServerDeadlines, IdleTunnelIsClosed) {
  CONTRACT_NEEDS(tunnel);
  tunnel();
  link.pass(settings.tunnel_timeout - kTick);
  EXPECT_FALSE(sink().closed);
  link.pass(2 * kTick);
  EXPECT_EQ(sink().why.code, ErrorCode::tunnel_idle);
  expect_left();
}

TEST_P(ServerDeadlines, TunnelWithTrafficInEitherDirectionIsKept) {
  CONTRACT_NEEDS(tunnel);
  tunnel();
  for (int i = 0; i < 3; ++i) {
    link.pass(settings.tunnel_timeout - kTick);
    link.say("in");
    link.pass(settings.tunnel_timeout - kTick);
    sink().send_body("out", End::no);
    link.settle();
  }
  EXPECT_FALSE(sink().closed);
  EXPECT_EQ(sink().body, "ininin");
}

}  // namespace
}  // namespace pingap::session::contract
