// Several streams on one connection to a backend, and what only HTTP/2 has. What holds for any
// protocol is in the contract_client_*_test.cc.
#include "session/h2_client_fixture.h"

namespace pingap::session {
namespace {

TEST_F(H2ClientSessionTest, AnswersComeInAnyOrder) {
  start(h2_greeting());
  ClientSink& one = ask();
  ClientSink& two = ask();
  ClientSink& three = ask();
  link_.say(head(3) + head(1) + answer(5, "three") + h2_data(3, "two", End::yes) +
            h2_data(1, "one", End::yes));
  expect_answered(one, "one");
  expect_answered(two, "two");
  expect_answered(three, "three");
  EXPECT_TRUE(session_->idle());
}

TEST_F(H2ClientSessionTest, WhatOneTurnAsksLeavesInOneWrite) {
  start(h2_greeting());
  const int before = link_.wire.writes();
  for (int i = 0; i < 10; ++i) {
    ClientSink& sink = sinks_.emplace_back();
    sink.stream = &session_->open(sink, settings_);
    sink.send_head("GET", Framing::none);
  }
  link_.settle();
  EXPECT_EQ(link_.wire.writes(), before + 1);
}

TEST_F(H2ClientSessionTest, IsFullAtThePeersLimit) {
  start(limit(2));
  ask();
  EXPECT_TRUE(session_->takes_new());
  ask();
  EXPECT_FALSE(session_->takes_new());
  const int before = freed_;
  link_.say(answer(1, "one"));
  EXPECT_EQ(freed_, before + 1);
  EXPECT_TRUE(session_->takes_new());
}

TEST_F(H2ClientSessionTest, IsFullAtOurLimit) {
  start(limit(100), false, 1);
  ask();
  EXPECT_TRUE(session_->full());
}

TEST_F(H2ClientSessionTest, PeerMayRaiseItsLimit) {
  start(limit(1));
  ask();
  EXPECT_FALSE(session_->takes_new());
  const int before = freed_;
  link_.say(h2_frame(NGHTTP2_SETTINGS, 0, 0,
                     h2_number(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 2) + h2_number(2, 4)));
  EXPECT_TRUE(session_->takes_new());
  EXPECT_EQ(freed_, before + 1);
}

TEST_F(H2ClientSessionTest, StreamThatIsGivenUpMakesRoom) {
  start(limit(1));
  ask().reset();
  link_.settle();
  EXPECT_EQ(reset_of(1), static_cast<uint32_t>(NGHTTP2_CANCEL));
  EXPECT_TRUE(session_->takes_new());
  link_.say(head(1));  // was on its way
  EXPECT_FALSE(gone_);
}

TEST_F(H2ClientSessionTest, RequestsWaitForTheConnection) {
  link_.wire.take_only(0);
  start({}, true);
  ClientSink& one = ask();
  ClientSink& two = ask("POST", Framing::length, 5);
  two.send_body("hello", End::yes);
  ask().reset();
  link_.settle();
  link_.take_all();
  EXPECT_EQ(one.connected + two.connected, 2);
  H2Reader reader(link_.wire.written());
  EXPECT_EQ(reader.requests.size(), 2U);
  EXPECT_EQ(reader.requests[3].body, "hello");
  link_.say(h2_greeting() + answer(3, "two") + answer(1, "one"));
  expect_answered(one, "one");
  expect_answered(two, "two");
}

TEST_F(H2ClientSessionTest, TellsOfExtendedConnect) {
  start(h2_greeting(h2_number(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 2) + h2_number(1, 4)));
  EXPECT_TRUE(session_->allows_extended_connect());
}

TEST_F(H2ClientSessionTest, ExtendedConnectIsNotThereUntilItIsSaid) {
  start(h2_greeting());
  EXPECT_FALSE(session_->allows_extended_connect());
}

// ---- ends of a stream

TEST_F(H2ClientSessionTest, RefusedStreamIsSafe) {
  start(h2_greeting());
  ClientSink& one = ask();
  ClientSink& two = ask();
  link_.say(rst(1, NGHTTP2_REFUSED_STREAM));
  expect_lost(one, ErrorCode::upstream_stream_refused, Retry::safe);
  EXPECT_FALSE(session_->takes_new()) << "it has just said that it does not want to";
  link_.say(answer(3, "two"));
  expect_answered(two, "two");
  link_.pass(1s + kTick);
  EXPECT_TRUE(session_->takes_new());
}

TEST_F(H2ClientSessionTest, RefusalBehindAnAnswerThatBeganIsNotSafe) {
  start(h2_greeting());
  ClientSink& one = ask();
  link_.say(head(1) + rst(1, NGHTTP2_REFUSED_STREAM));
  expect_lost(one, ErrorCode::upstream_truncated, Retry::never);
}

TEST_F(H2ClientSessionTest, ResetOfOneStreamLeavesTheOthers) {
  start(h2_greeting());
  ClientSink& one = ask();
  ClientSink& two = ask();
  link_.say(rst(1, NGHTTP2_INTERNAL_ERROR) + answer(3, "two"));
  expect_lost(one, ErrorCode::upstream_reset, Retry::never);
  expect_answered(two, "two");
}

TEST_F(H2ClientSessionTest, ResetWithoutErrorBehindTheAnswerEndsTheUpload) {
  start(h2_greeting());
  ClientSink& one = ask("POST", Framing::length, 10);
  one.send_body("01234", End::no);
  link_.settle();
  link_.say(answer(1, "enough") + rst(1, NGHTTP2_NO_ERROR));
  expect_answered(one, "enough");
}

TEST_F(H2ClientSessionTest, GoawayMakesWhatItDidNotSeeSafe) {
  start(h2_greeting());
  ClientSink& one = ask();
  ClientSink& two = ask();
  ClientSink& three = ask();
  link_.say(goaway(3));
  expect_lost(three, ErrorCode::upstream_stream_refused, Retry::safe);
  EXPECT_FALSE(session_->takes_new());
  EXPECT_FALSE(one.closed || two.closed);
  link_.say(answer(1, "one"));
  EXPECT_FALSE(gone_);
  link_.say(answer(3, "two"));
  expect_answered(one, "one");
  expect_answered(two, "two");
  EXPECT_TRUE(gone_);
}

TEST_F(H2ClientSessionTest, GoawayEndsAnIdleConnection) {
  start(h2_greeting());
  link_.say(goaway(0));
  EXPECT_TRUE(gone_);
}

TEST_F(H2ClientSessionTest, LossOfTheConnectionIsToldToAll) {
  start(h2_greeting());
  ClientSink& one = ask();
  ClientSink& two = ask();
  link_.say(head(1));
  link_.rst();
  expect_lost(one, ErrorCode::upstream_truncated, Retry::never);
  expect_lost(two, ErrorCode::upstream_reset, Retry::never);
}

TEST_F(H2ClientSessionTest, WhatIsWrittenIsNotSafeForAllThatIsWritten) {
  start(h2_greeting());
  ClientSink& one = ask();
  link_.take(0);
  ClientSink& two = ask();
  link_.fin();
  EXPECT_EQ(one.why.retry, Retry::never);
  EXPECT_EQ(two.why.retry, Retry::safe);
}

TEST_F(H2ClientSessionTest, DrainWaitsForTheLastStream) {
  start(h2_greeting());
  ClientSink& one = ask();
  session_->drain();
  EXPECT_FALSE(session_->takes_new());
  link_.say(answer(1, "one"));
  expect_answered(one, "one");
  EXPECT_TRUE(gone_);
  EXPECT_EQ(H2Reader(link_.wire.written()).goaways, std::vector<uint32_t>{NGHTTP2_NO_ERROR});
}

// ---- windows

TEST_F(H2ClientSessionTest, StreamThatIsNotTakenHoldsUpNoOther) {
  start(h2_greeting());
  ClientSink& one = ask();
  one.hold = true;
  link_.say(head(1) + h2_data(1, letters(kWindow), End::no));
  EXPECT_EQ(one.held, kWindow);
  ClientSink& two = ask();
  link_.say(answer(3, letters(kWindow)));
  expect_answered(two, letters(kWindow));
  one.release_all();
  link_.settle();
  link_.say(h2_data(1, letters(kWindow), End::yes));
  EXPECT_TRUE(one.whole);
}

TEST_F(H2ClientSessionTest, MoreThanTheWindowIsAnError) {
  start(h2_greeting());
  ClientSink& one = ask();
  one.hold = true;
  link_.say(head(1) + h2_data(1, letters(kWindow + 1), End::no));
  EXPECT_TRUE(one.closed);
  EXPECT_EQ(one.why.code, ErrorCode::upstream_bad_framing);
  EXPECT_EQ(one.held, kWindow) << "not a byte more";
}

TEST_F(H2ClientSessionTest, UploadWaitsForThePeersWindow) {
  settings_.read_timeout = 1h;
  start(h2_frame(NGHTTP2_SETTINGS, 0, 0, {}));
  ClientSink& one = ask("POST", Framing::length, 100'000);
  one.send_body(letters(100'000), End::yes);
  link_.settle();
  EXPECT_EQ(body_written(1), 65535U);
  EXPECT_EQ(one.sent, 65535U);
  ClientSink& two = ask();
  link_.say(answer(3, "two"));
  expect_answered(two, "two");
  one.loses = true;
  link_.pass(settings_.write_timeout + kTick);
  expect_lost(one, ErrorCode::upstream_write_timeout, Retry::if_reused);
  EXPECT_FALSE(gone_);
}

TEST_F(H2ClientSessionTest, BackendIsReadWhileItDoesNotRead) {
  start(h2_greeting());
  ClientSink& one = ask("POST", Framing::length, 300'000);
  link_.take(0);
  one.send_body(letters(300'000), End::yes);
  link_.settle();
  link_.say(head(1) + h2_data(1, letters(kWindow), End::no));
  EXPECT_EQ(one.body.size(), kWindow);
  one.reset();
}

// ---- deadlines

TEST_F(H2ClientSessionTest, TimedOutStreamIsResetAndTheOthersGoOn) {
  start(h2_greeting());
  ClientSink& one = ask();
  link_.pass(10s);
  ClientSink& two = ask();
  link_.say(head(3));
  link_.pass(10s + kTick);
  expect_lost(one, ErrorCode::upstream_timeout, Retry::never);
  EXPECT_EQ(reset_of(1), static_cast<uint32_t>(NGHTTP2_CANCEL));
  link_.say(h2_data(3, "two", End::yes));
  expect_answered(two, "two");
  EXPECT_TRUE(session_->takes_new());
}

TEST_F(H2ClientSessionTest, SilentBackendGetsNoFurtherRequests) {
  start(h2_greeting());
  ask();
  EXPECT_TRUE(session_->takes_new());
  link_.pass(5s + kTick);
  EXPECT_FALSE(session_->takes_new());
  EXPECT_FALSE(session_->takes_new());
  link_.settle();
  EXPECT_EQ(H2Reader(link_.wire.written()).pings, 1U) << "it is asked once";
  link_.say(h2_frame(NGHTTP2_PING, NGHTTP2_FLAG_ACK, 0, std::string(8, '\0')));
  EXPECT_TRUE(session_->takes_new());
  EXPECT_FALSE(sinks_.front().closed);
}

TEST_F(H2ClientSessionTest, ConnectionThatStaysSilentIsLeft) {
  start(h2_greeting());
  ask();
  link_.pass(settings_.read_timeout + kTick);
  expect_lost(sinks_.front(), ErrorCode::upstream_timeout, Retry::never);
  EXPECT_TRUE(gone_);
}

TEST_F(H2ClientSessionTest, PingsDoNotKeepAnIdleConnection) {
  start(h2_greeting());
  for (int i = 0; i < 5; ++i) {
    link_.pass(settings_.idle_timeout / 5);
    link_.say(h2_frame(NGHTTP2_PING, 0, 0, std::string(8, '\0')));
  }
  link_.pass(1s);
  EXPECT_TRUE(gone_);
}

// ---- backends that break rules

TEST_F(H2ClientSessionTest, MalformedAnswerIsReset) {
  start(h2_greeting());
  ClientSink& one = ask();
  ClientSink& two = ask();
  link_.say(head(1, "Connection: close\r\n") + answer(3, "two"));
  expect_lost(one, ErrorCode::upstream_bad_head, Retry::never);
  EXPECT_EQ(reset_of(1), static_cast<uint32_t>(NGHTTP2_PROTOCOL_ERROR));
  expect_answered(two, "two");
}

TEST_F(H2ClientSessionTest, BodyOfAnotherLengthIsReset) {
  start(h2_greeting());
  ClientSink& one = ask();
  link_.say(head(1, "Content-Length: 10\r\n") + h2_data(1, "short", End::yes));
  expect_lost(one, ErrorCode::upstream_bad_framing, Retry::never);
  EXPECT_FALSE(one.whole);
}

TEST_F(H2ClientSessionTest, PushEndsTheConnection) {
  start(h2_greeting());
  ClientSink& one = ask();
  link_.say(h2_frame(NGHTTP2_PUSH_PROMISE, NGHTTP2_FLAG_END_HEADERS, 1, h2_number(2, 4)));
  expect_lost(one, ErrorCode::upstream_bad_framing, Retry::never);
  EXPECT_TRUE(gone_);
  EXPECT_EQ(H2Reader(link_.wire.written()).goaways, std::vector<uint32_t>{NGHTTP2_PROTOCOL_ERROR});
}

TEST_F(H2ClientSessionTest, FloodsEndTheConnection) {
  start(h2_greeting());
  ClientSink& one = ask();
  std::string flood;
  for (size_t i = 0; i <= http::limits::kH2ControlBurst; ++i) {
    flood += h2_frame(NGHTTP2_PING, 0, 0, std::string(8, 'x'));
  }
  link_.say(flood);
  EXPECT_TRUE(one.closed && gone_);
  EXPECT_EQ(H2Reader(link_.wire.written()).goaways,
            std::vector<uint32_t>{NGHTTP2_ENHANCE_YOUR_CALM});
}

TEST_F(H2ClientSessionTest, EmptyFramesAreAFlood) {
  start(h2_greeting());
  ClientSink& one = ask();
  std::string flood = head(1);
  for (size_t i = 0; i <= http::limits::kH2ControlBurst; ++i) {
    flood += h2_data(1, {}, End::no);
  }
  link_.say(flood);
  EXPECT_TRUE(one.closed && gone_);
  EXPECT_EQ(H2Reader(link_.wire.written()).goaways,
            std::vector<uint32_t>{NGHTTP2_ENHANCE_YOUR_CALM});
}

TEST_F(H2ClientSessionTest, WindowsMayBeOpenedByFewBytes) {
  start(h2_frame(NGHTTP2_SETTINGS, 0, 0, {}));
  ClientSink& one = ask();
  std::string updates;
  for (size_t i = 0; i < 2 * size_t{http::limits::kH2ControlBurst}; ++i) {
    updates += h2_frame(NGHTTP2_WINDOW_UPDATE, 0, 1, h2_number(1, 4));
  }
  link_.say(updates + answer(1, "ok"));
  expect_answered(one, "ok");
}

TEST_F(H2ClientSessionTest, WordsOfAnotherProtocolEndTheConnection) {
  start("HTTP/1.1 400 Bad Request\r\n\r\n");
  EXPECT_TRUE(gone_);
}

// ---- WebSocket (RFC 8441)

}  // namespace
}  // namespace pingap::session
