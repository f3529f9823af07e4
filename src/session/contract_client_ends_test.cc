// A backend goes away: the moments at which it can, what the sink is told, and whether the request
// may be sent again.
#include "session/contract_client.h"

namespace pingap::session::contract {
namespace {

using http::Framing;

class ClientEnds : public ClientContract {
 protected:
  void expect_lost(ErrorCode code, Retry retry) {
    EXPECT_TRUE(sink().closed);
    EXPECT_EQ(sink().why.code, code);
    EXPECT_EQ(sink().why.side, Side::upstream);
    EXPECT_EQ(sink().why.retry, retry);
    EXPECT_TRUE(gone());
    EXPECT_FALSE(idle());
  }

  void expect_whole(std::string_view text) {
    EXPECT_EQ(sink().body, text);
    EXPECT_TRUE(sink().whole);
    EXPECT_TRUE(sink().closed);
    EXPECT_FALSE(sink().why);
  }

  // An exchange that ends well, so that the next one is on a connection that was used before.
  void use_once() {
    get();
    link.say(answer("one"));
    ASSERT_TRUE(idle());
  }
};

INSTANTIATE_TEST_SUITE_P(Contract, ClientEnds, client_protocols(), protocol_name);

// Where the stream has the connection for itself.
class ClientEndsAlone : public ClientEnds {};

INSTANTIATE_TEST_SUITE_P(Contract, ClientEndsAlone, client_connections(), protocol_name);

// ---- connecting

TEST_P(ClientEnds, ConnectIsRefused) {
  connect(true);
  get();
  link.wire.reset(ECONNREFUSED);
  link.event();
  expect_lost(ErrorCode::upstream_refused, Retry::safe);
  EXPECT_EQ(sink().connected, 0);
  EXPECT_EQ(link.wire.written(), "");
}

TEST_P(ClientEnds, ConnectFindsNoWay) {
  connect(true);
  get();
  link.wire.reset(EHOSTUNREACH);
  link.event();
  expect_lost(ErrorCode::upstream_unreachable, Retry::safe);
}

TEST_P(ClientEnds, ConnectTakesTooLong) {
  link.wire.take_only(0);
  connect(true);
  get();
  link.pass(settings.connect_timeout - kTick);
  EXPECT_FALSE(sink().closed);
  link.pass(2 * kTick);
  expect_lost(ErrorCode::upstream_connect_timeout, Retry::safe);
}

TEST_P(ClientEnds, RequestWaitsForTheConnection) {
  link.wire.take_only(0);
  connect(true);
  ClientSink& request = open();
  request.send_head("POST", Framing::length, 5);
  request.send_body("hello", End::yes);
  link.event();
  EXPECT_EQ(request.connected, 0);
  link.take_all();
  EXPECT_EQ(request.connected, 1);
  EXPECT_EQ(request.sent, 5U);
  EXPECT_EQ(ClientContract::request().body, "hello");
  link.say(answer("hi"));
  expect_whole("hi");
  expect_reusable();
}

TEST_P(ClientEndsAlone, AnswerMayComeWithTheConnection) {
  connect(true);
  get();
  link.say(answer("eager"));
  link.settle();
  EXPECT_EQ(sink().connected, 1);
  expect_whole("eager");
}

// ---- before and in the head

TEST_P(ClientEnds, FinBeforeTheHeadOnANewConnection) {
  get();
  link.fin();
  expect_lost(ErrorCode::upstream_closed, Retry::never);
}

TEST_P(ClientEnds, RstBeforeTheHeadOnANewConnection) {
  get();
  link.rst();
  expect_lost(ErrorCode::upstream_reset, Retry::never);
  EXPECT_EQ(sink().why.sys, ECONNRESET);
}

TEST_P(ClientEnds, FinBeforeTheHeadOnAUsedConnection) {
  use_once();
  get();
  link.fin();
  expect_lost(ErrorCode::upstream_closed, Retry::if_reused);
}

TEST_P(ClientEnds, RstBeforeTheHeadOnAUsedConnection) {
  use_once();
  get();
  link.rst();
  expect_lost(ErrorCode::upstream_reset, Retry::if_reused);
}

TEST_P(ClientEnds, FinBeforeAByteWasSentIsSafe) {
  use_once();
  link.take(0);
  get();
  link.fin();
  expect_lost(ErrorCode::upstream_closed, Retry::safe);
}

TEST_P(ClientEnds, FinInTheHead) {
  use_once();
  get();
  const std::string head = protocol->head({});
  link.say_and_fin(head.substr(0, head.size() / 2));
  EXPECT_EQ(sink().status, 0);
  expect_lost(ErrorCode::upstream_closed, Retry::never);
}

TEST_P(ClientEnds, FinBehindAnInterimAnswer) {
  use_once();
  get();
  link.say_and_fin(protocol->head({.status = 103}));
  EXPECT_EQ(sink().interim, std::vector<int>{103});
  expect_lost(ErrorCode::upstream_closed, Retry::never);
}

// ---- in the body

TEST_P(ClientEnds, FinBetweenHeadAndBody) {
  get();
  reply({.body = Body::length, .length = 10});
  link.fin();
  EXPECT_EQ(sink().status, 200);
  expect_lost(ErrorCode::upstream_truncated, Retry::never);
}

TEST_P(ClientEnds, FinInABodyWithALength) {
  get();
  reply({.body = Body::length, .length = 10});
  link.say_and_fin(protocol->body("01234", End::no));
  EXPECT_EQ(sink().body, "01234");
  EXPECT_FALSE(sink().whole);
  expect_lost(ErrorCode::upstream_truncated, Retry::never);
}

TEST_P(ClientEnds, FinInAChunkedBody) {
  get();
  reply({.body = Body::chunked});
  link.say_and_fin(protocol->body("01234", End::no));
  EXPECT_EQ(sink().body, "01234");
  EXPECT_FALSE(sink().whole);
  expect_lost(ErrorCode::upstream_truncated, Retry::never);
}

TEST_P(ClientEnds, FinBehindTheLastChunkButNotTheTrailers) {
  get();
  reply({.body = Body::chunked});
  const std::string trailers = protocol->trailers("x-end: 1");
  link.say(protocol->body("01234", End::no));
  link.say_and_fin(trailers.substr(0, trailers.size() - 1));
  EXPECT_FALSE(sink().whole);
  expect_lost(ErrorCode::upstream_truncated, Retry::never);
}

TEST_P(ClientEnds, RstInTheBodyIsToldBehindWhatCame) {
  get();
  reply({.body = Body::length, .length = 10});
  link.wire.say(protocol->body("01234", End::no));
  link.rst();
  EXPECT_EQ(sink().body, "01234");
  expect_lost(ErrorCode::upstream_truncated, Retry::never);
}

TEST_P(ClientEnds, FinWithTheLastByteLeavesTheAnswerWhole) {
  get();
  link.say_and_fin(answer("hello"));
  expect_whole("hello");
  EXPECT_FALSE(idle());
  EXPECT_TRUE(gone());
}

TEST_P(ClientEnds, FinBehindTheAnswerClosesAnIdleConnection) {
  use_once();
  link.fin();
  EXPECT_TRUE(gone());
  expect_whole("one");
}

TEST_P(ClientEnds, RstBehindTheAnswerClosesAnIdleConnection) {
  use_once();
  link.rst();
  EXPECT_TRUE(gone());
  expect_whole("one");
}

TEST_P(ClientEndsAlone, FinInAFullWindowIsFoundWhenItOpens) {
  const std::string all = letters(http::limits::kWindow + 20'000);
  get().hold = true;
  link.say_and_fin(answer(all));
  EXPECT_FALSE(sink().whole);
  sink().release_all();
  link.settle();
  expect_whole(all);
  EXPECT_TRUE(gone());
}

}  // namespace
}  // namespace pingap::session::contract
