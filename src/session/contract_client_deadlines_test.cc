// A backend that takes its time: which deadline holds at which moment.
#include "session/contract_client.h"

namespace pingap::session::contract {
namespace {

using http::Framing;
using http::limits::kWindow;

class ClientDeadlines : public ClientContract {
 protected:
  void expect_lost_after(Duration deadline, ErrorCode code) {
    link.pass(deadline - kTick);
    EXPECT_FALSE(sink().closed);
    link.pass(2 * kTick);
    EXPECT_TRUE(sink().closed);
    EXPECT_EQ(sink().why.code, code);
    EXPECT_TRUE(gone_with_it());
  }

  void expect_gone_after(Duration deadline) {
    ASSERT_TRUE(idle());
    link.pass(deadline - kTick);
    EXPECT_FALSE(gone());
    link.pass(2 * kTick);
    EXPECT_TRUE(gone());
  }
};

INSTANTIATE_TEST_SUITE_P(Contract, ClientDeadlines, client_protocols(), protocol_name);

// Where the stream has the connection for itself.
class ClientDeadlinesAlone : public ClientDeadlines {};

INSTANTIATE_TEST_SUITE_P(Contract, ClientDeadlinesAlone, client_connections(), protocol_name);

TEST_P(ClientDeadlines, NoHead) {
  get();
  expect_lost_after(settings.read_timeout, ErrorCode::upstream_timeout);
  EXPECT_EQ(sink().why.retry, Retry::never);
}

TEST_P(ClientDeadlines, HeadThatStops) {
  get();
  link.pass(5s);
  link.say(protocol->head({}).substr(0, 9));
  expect_lost_after(settings.read_timeout - 5s, ErrorCode::upstream_timeout);
}

TEST_P(ClientDeadlines, HeadIsTimedFromTheRequestNotPerByte) {
  get();
  const std::string head = protocol->head({});
  for (size_t i = 0; i < 9; ++i) {
    link.say(head.substr(i, 1));
    link.pass(2s);
  }
  expect_lost_after(settings.read_timeout - 18s, ErrorCode::upstream_timeout);
}

TEST_P(ClientDeadlines, HeadIsTimedFromTheEndOfTheRequest) {
  upload(10);
  link.pass(15s);
  sink().send_body("0123456789", End::yes);
  link.settle();
  expect_lost_after(settings.read_timeout, ErrorCode::upstream_timeout);
}

TEST_P(ClientDeadlines, HeadIsTimedFromTheConnection) {
  link.wire.take_only(0);
  connect(true);
  get();
  link.pass(5s);
  link.take_all();
  expect_lost_after(settings.read_timeout, ErrorCode::upstream_timeout);
}

TEST_P(ClientDeadlines, BackendIsNotTimedWhileTheClientIsToSend) {
  upload(10);
  link.pass(settings.read_timeout * 5);
  EXPECT_FALSE(sink().closed);
  sink().send_body("0123456789", End::yes);
  link.say(answer("ok"));
  EXPECT_TRUE(sink().closed && !sink().why);
  expect_reusable();
}

TEST_P(ClientDeadlines, DeadlinesAreThoseOfTheRequest) {
  ClientSettings quick = settings;
  quick.read_timeout = 3s;
  open(quick).send_head("GET", Framing::none);
  link.settle();
  expect_lost_after(quick.read_timeout, ErrorCode::upstream_timeout);
}

TEST_P(ClientDeadlines, BodyThatNeverStarts) {
  get();
  link.pass(5s);
  reply({.body = Body::length, .length = 10});
  expect_lost_after(settings.read_timeout, ErrorCode::upstream_idle_timeout);
}

TEST_P(ClientDeadlines, BodyThatStops) {
  get();
  reply({.body = Body::length, .length = 10});
  link.pass(15s);
  body("01234");
  expect_lost_after(settings.read_timeout, ErrorCode::upstream_idle_timeout);
  EXPECT_EQ(sink().body, "01234");
}

TEST_P(ClientDeadlinesAlone, BodyIsNotTimedWhileTheSinkHoldsIt) {
  const std::string all = letters(kWindow + 20'000);
  get().hold = true;
  link.say(answer(all));
  link.pass(settings.read_timeout * 5);
  EXPECT_FALSE(sink().closed);
  sink().release_all();
  link.settle();
  EXPECT_EQ(sink().body, all);
  EXPECT_TRUE(sink().closed && !sink().why);
}

TEST_P(ClientDeadlinesAlone, BodyIsTimedAgainOnceTheSinkTookIt) {
  get().hold = true;
  reply({.body = Body::length, .length = kWindow * 2});
  body(letters(kWindow));
  link.pass(settings.read_timeout * 5);
  EXPECT_FALSE(sink().closed);
  sink().release_all();
  link.pass(settings.read_timeout + 1s);
  EXPECT_EQ(sink().why.code, ErrorCode::upstream_idle_timeout);
}

TEST_P(ClientDeadlines, BackendThatTakesNothing) {
  settings.read_timeout = 1h;
  link.wire.take_only(100);
  upload(100'000).send_body(letters(100'000), End::yes);
  link.settle();
  expect_lost_after(settings.write_timeout, ErrorCode::upstream_write_timeout);
  EXPECT_EQ(sink().why.retry, Retry::never);
}

TEST_P(ClientDeadlines, BackendThatTakesNotAByte) {
  settings.read_timeout = 1h;
  link.wire.take_only(0);
  get();
  expect_lost_after(settings.write_timeout, ErrorCode::upstream_write_timeout);
  EXPECT_EQ(sink().why.retry, Retry::safe);
}

TEST_P(ClientDeadlines, BackendThatNeitherTakesNorSaysAnything) {
  settings.write_timeout = 1h;
  link.wire.take_only(0);
  get();
  expect_lost_after(settings.read_timeout, ErrorCode::upstream_timeout);
}

TEST_P(ClientDeadlines, WriteIsTimedFromWhenItIsBlocked) {
  settings.read_timeout = 1h;
  upload(1000);
  link.pass(25s);
  link.take(0);
  sink().send_body(letters(1000), End::yes);
  link.settle();
  expect_lost_after(settings.write_timeout, ErrorCode::upstream_write_timeout);
}

TEST_P(ClientDeadlines, BackendThatStopsInTheRequest) {
  settings.read_timeout = 1h;
  link.wire.take_only(100);
  upload(100'000).send_body(letters(100'000), End::yes);
  link.pass(25s);
  link.take(1);
  expect_lost_after(settings.write_timeout, ErrorCode::upstream_write_timeout);
}

TEST_P(ClientDeadlines, BackendThatTakesNothingOfTheTrailers) {
  settings.read_timeout = 1h;
  open().send_head("POST", Framing::chunked);
  sink().send_body("body", End::no);
  link.settle();
  link.take(0);
  sink().send_trailers("x-end", "1");
  link.settle();
  expect_lost_after(settings.write_timeout, ErrorCode::upstream_write_timeout);
}

TEST_P(ClientDeadlines, BackendThatTakesTheRequestSlowly) {
  link.wire.take_only(0);
  upload(100'000).send_body(letters(100'000), End::yes);
  for (int i = 0; i < 10; ++i) {
    link.pass(15s);
    link.take(1000);
  }
  EXPECT_FALSE(sink().closed);
  link.take_all();
  link.say(answer("ok"));
  EXPECT_TRUE(sink().closed && !sink().why);
  expect_reusable();
}

TEST_P(ClientDeadlines, NothingIsTimedBehindTheAnswerButTheIdleness) {
  get();
  link.pass(15s);
  link.say(answer("ok"));
  expect_gone_after(settings.idle_timeout);
}

TEST_P(ClientDeadlines, IdlenessIsTimedAnewBehindEachAnswer) {
  for (int i = 0; i < 3; ++i) {
    get();
    link.say(answer("ok"));
    link.pass(settings.idle_timeout - kTick);
    ASSERT_FALSE(gone());
  }
}

TEST_P(ClientDeadlinesAlone, IdleTunnel) {
  tunnel();
  expect_lost_after(settings.tunnel_timeout, ErrorCode::tunnel_idle);
}

TEST_P(ClientDeadlinesAlone, TunnelWithTrafficInEitherDirection) {
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
