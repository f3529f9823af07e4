// What is HTTP/1's own in a client session: which bytes are whose answer, when a connection is kept
// for the next request (RFC 9112 9.3, 9.6), and bodies that end with it.
#include "session/contract_client.h"

namespace pingap::session::contract {
namespace {

using http::Framing;

class H1ClientOwn : public ClientContract {
 protected:
  void expect_done_but_not_kept() {
    EXPECT_TRUE(sink().closed);
    EXPECT_FALSE(sink().why);
    EXPECT_FALSE(idle());
    EXPECT_TRUE(gone());
  }

  void expect_lost(ErrorCode code) {
    EXPECT_EQ(sink().why.code, code);
    EXPECT_EQ(sink().why.retry, Retry::never);
    EXPECT_TRUE(gone());
  }

  void expect_kept_for(Duration time) {
    ASSERT_TRUE(idle());
    link.pass(time - kTick);
    EXPECT_FALSE(gone());
    link.pass(2 * kTick);
    EXPECT_TRUE(gone());
  }
};

INSTANTIATE_TEST_SUITE_P(Own, H1ClientOwn, client_connections(), protocol_name);

// ---- bytes that answer nothing

TEST_P(H1ClientOwn, BytesOnAnIdleConnectionCloseIt) {
  get();
  link.say(answer("one"));
  ASSERT_TRUE(idle());
  link.say(answer("poison"));
  EXPECT_TRUE(gone());
}

TEST_P(H1ClientOwn, BytesOnAConnectionThatWasNeverUsedCloseIt) {
  connect(false);
  link.say(answer("poison"));
  EXPECT_TRUE(gone());
}

TEST_P(H1ClientOwn, BytesBehindTheAnswerKeepItFromTheNextRequest) {
  get();
  link.say(join({answer("one"), answer("poison")}));
  EXPECT_EQ(sink().body, "one");
  expect_done_but_not_kept();
}

TEST_P(H1ClientOwn, ByteBehindABodilessAnswerKeepsItFromTheNextRequest) {
  get();
  link.say(protocol->head({.status = 204}) + "x");
  expect_done_but_not_kept();
}

TEST_P(H1ClientOwn, BodyOfAnAnswerToHeadKeepsItFromTheNextRequest) {
  get("HEAD");
  link.say(answer("poison"));
  EXPECT_EQ(sink().body, "");
  expect_done_but_not_kept();
}

TEST_P(H1ClientOwn, IsKeptWhenTheAnswerCameBeforeTheRequestWasOut) {
  link.wire.take_only(100);
  upload(10'000).send_body(letters(10'000), End::yes);
  link.say(answer("ok"));
  EXPECT_TRUE(sink().whole);
  EXPECT_FALSE(sink().closed);
  link.take_all();
  EXPECT_TRUE(sink().closed);
  expect_reusable();
}

// They would be the answer to the next request.
TEST_P(H1ClientOwn, IsNotKeptWithBytesBehindAnAnswerThatCameBeforeTheRequestWasOut) {
  link.wire.take_only(100);
  upload(10'000).send_body(letters(10'000), End::yes);
  link.say(answer("ok"));
  EXPECT_TRUE(sink().whole);
  link.say(answer("poison"));
  EXPECT_FALSE(sink().closed);
  link.take_all();
  expect_done_but_not_kept();
}

// ---- kept, and for how long

TEST_P(H1ClientOwn, AnswerThatSaysCloseIsTheLast) {
  get();
  link.say("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
  expect_done_but_not_kept();
}

TEST_P(H1ClientOwn, AnswerOfHttp10IsTheLast) {
  get();
  link.say("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok");
  expect_done_but_not_kept();
}

TEST_P(H1ClientOwn, AnswerOfHttp10MayBeKept) {
  get();
  link.say("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok");
  expect_reusable();
}

TEST_P(H1ClientOwn, BackendsHintEndsTheIdlenessASecondBefore) {
  get();
  reply({.status = 204, .fields = "Keep-Alive: timeout=5, max=100\r\n"});
  expect_kept_for(4s);
}

TEST_P(H1ClientOwn, BackendsHintDoesNotProlongTheIdleness) {
  get();
  reply({.status = 204, .fields = "Keep-Alive: timeout=500\r\n"});
  expect_kept_for(settings.idle_timeout);
}

TEST_P(H1ClientOwn, BackendsHintOfNoTimeIsTheLastAnswer) {
  get();
  reply({.status = 204, .fields = "Keep-Alive: timeout=1\r\n"});
  expect_done_but_not_kept();
}

TEST_P(H1ClientOwn, BackendsHintOfNoTimeoutIsIgnored) {
  get();
  reply({.status = 204, .fields = "Keep-Alive: max=9\r\n"});
  expect_kept_for(settings.idle_timeout);
}

TEST_P(H1ClientOwn, BackendsHintThatIsNoneIsIgnored) {
  get();
  reply({.status = 204, .fields = "Keep-Alive: timeout=soon\r\n"});
  expect_kept_for(settings.idle_timeout);
}

// An owner that closes all of its list goes by what is in it.
TEST_P(H1ClientOwn, ClosedConnectionLeavesItsOwnersListAtOnce) {
  get();
  link.say(answer("ok"));
  ASSERT_TRUE(idle());
  protocol->close();
  EXPECT_FALSE(idle());
}

// ---- bodies that end with the connection

TEST_P(H1ClientOwn, FinEndsABodyUntilClose) {
  get();
  reply({.body = Body::until_close});
  body("hello");
  EXPECT_FALSE(sink().whole);
  link.fin();
  EXPECT_EQ(sink().body, "hello");
  EXPECT_TRUE(sink().whole);
  expect_done_but_not_kept();
}

TEST_P(H1ClientOwn, FinWithTheHeadIsAnEmptyBodyUntilClose) {
  get();
  link.say_and_fin(protocol->head({.body = Body::until_close}));
  EXPECT_TRUE(sink().whole);
  expect_done_but_not_kept();
}

TEST_P(H1ClientOwn, RstIsNotTheEndOfABodyUntilClose) {
  get();
  reply({.body = Body::until_close});
  body("hello");
  link.rst();
  EXPECT_FALSE(sink().whole);
  expect_lost(ErrorCode::upstream_truncated);
}

TEST_P(H1ClientOwn, RstIsNotTheEndOfABodyUntilCloseBehindAFullWindow) {
  get().hold = true;
  reply({.body = Body::until_close});
  body(letters(http::limits::kWindow * 2));
  link.rst();
  EXPECT_FALSE(sink().whole);
  expect_lost(ErrorCode::upstream_truncated);
}

TEST_P(H1ClientOwn, BodyUntilCloseBehindAFullWindowIsHeardToItsEnd) {
  const std::string all = letters(http::limits::kWindow * 2);
  get().hold = true;
  link.say_and_fin(protocol->head({.body = Body::until_close}) + all);
  for (int i = 0; i < 20 && !sink().closed; ++i) {
    sink().release_all();
    link.settle();
  }
  EXPECT_EQ(sink().body, all);
  EXPECT_TRUE(sink().whole);
  expect_done_but_not_kept();
}

// ---- answers that are none

TEST_P(H1ClientOwn, HeadThatIsNone) {
  get();
  link.say("HELLO\r\n\r\n");
  expect_lost(ErrorCode::upstream_bad_head);
}

TEST_P(H1ClientOwn, HeadThatIsTooLarge) {
  get();
  link.say("HTTP/1.1 200 OK\r\nX: " + letters(70'000));
  expect_lost(ErrorCode::upstream_head_too_large);
}

TEST_P(H1ClientOwn, BodyThatIsNone) {
  get();
  reply({.body = Body::chunked});
  link.say("5\r\nhello\r\nZZ\r\n");
  expect_lost(ErrorCode::upstream_bad_framing);
}

TEST_P(H1ClientOwn, TrailersThatAreTooMany) {
  get();
  reply({.body = Body::chunked});
  std::string lines;
  for (int i = 0; i < 257; ++i) {
    lines += "a:\r\n";
  }
  link.say("0\r\n" + lines + "\r\n");
  EXPECT_FALSE(sink().whole);
  expect_lost(ErrorCode::upstream_bad_framing);
}

}  // namespace
}  // namespace pingap::session::contract
