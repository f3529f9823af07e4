// A backend that goes away or stops reading while the request is on its way to it. What it said
// before counts (RFC 9112 9.5), and what it will not take is not held against the client.
#include "session/contract_client.h"

namespace pingap::session::contract {
namespace {

using http::Framing;

class ClientWrites : public ClientContract {
 protected:
  void expect_lost(ErrorCode code, Retry retry) {
    EXPECT_TRUE(sink().closed);
    EXPECT_EQ(sink().why.code, code);
    EXPECT_EQ(sink().why.retry, retry);
    EXPECT_TRUE(gone());
  }

  void expect_whole_but_not_kept(std::string_view text) {
    EXPECT_EQ(sink().body, text);
    EXPECT_TRUE(sink().whole);
    EXPECT_TRUE(sink().closed);
    EXPECT_FALSE(sink().why);
    EXPECT_FALSE(idle());
    EXPECT_TRUE(gone());
  }
};

INSTANTIATE_TEST_SUITE_P(Contract, ClientWrites, client_protocols(), protocol_name);

// Where the stream has the connection for itself.
class ClientWritesAlone : public ClientWrites {};

INSTANTIATE_TEST_SUITE_P(Contract, ClientWritesAlone, client_connections(), protocol_name);

TEST_P(ClientWrites, FinWhileTheRequestIsBeingSent) {
  upload(10);
  link.fin();
  expect_lost(ErrorCode::upstream_closed, Retry::never);
}

TEST_P(ClientWrites, AnswerAndFinWhileTheRequestIsBeingSent) {
  link.wire.take_only(200);
  upload(100'000).send_body(letters(100'000), End::yes);
  link.settle();
  link.say_and_fin(answer("no"));
  EXPECT_EQ(sink().body, "no");
  EXPECT_TRUE(sink().whole);
  link.take_all();
  expect_whole_but_not_kept("no");
}

TEST_P(ClientWrites, AnswerAndRstWhileTheRequestIsBeingSent) {
  link.wire.take_only(200);
  upload(100'000).send_body(letters(100'000), End::yes);
  link.settle();
  link.say(answer("no"));
  EXPECT_TRUE(sink().whole);
  sink().loses = true;
  link.rst();
  expect_whole_but_not_kept("no");
}

TEST_P(ClientWrites, WriteOfTheHeadFails) {
  open();
  link.wire.refuse_writes();
  sink().send_head("GET", Framing::none);
  link.settle();
  link.rst();
  expect_lost(ErrorCode::upstream_reset, Retry::safe);
}

TEST_P(ClientWrites, WriteFailsBehindAnAnswerThatIsThere) {
  upload(10);
  link.wire.refuse_writes();
  link.wire.say(answer("why do you ask"));  // and no event has told of it
  sink().send_body("0123456789", End::yes);
  link.settle();
  expect_whole_but_not_kept("why do you ask");
}

TEST_P(ClientWritesAlone, WriteFailsBeforeTheAnswerComes) {
  upload(10);
  link.wire.refuse_writes();
  sink().send_body("0123456789", End::yes);
  link.settle();
  EXPECT_FALSE(sink().closed);
  EXPECT_EQ(sink().sent, 10U) << "what is lost is not held against the client's window";
  link.say(answer("too much"));
  expect_whole_but_not_kept("too much");
}

TEST_P(ClientWritesAlone, WriteFailsAndTheRestOfTheRequestComesLater) {
  upload(10);
  link.wire.refuse_writes();
  sink().send_body("01234", End::no);
  link.settle();
  sink().send_body("5678", End::no);
  link.settle();
  EXPECT_EQ(sink().sent, 9U);
  sink().send_body("9", End::yes);
  link.settle();
  EXPECT_EQ(sink().sent, 10U) << "what is lost is not held against the client's window";
  link.say(answer("too much"));
  expect_whole_but_not_kept("too much");
}

TEST_P(ClientWritesAlone, WriteFailsAndTrailersComeLater) {
  open().send_head("POST", Framing::chunked);
  link.settle();
  link.wire.refuse_writes();
  sink().send_body("01234", End::no);
  link.settle();
  sink().send_trailers("x-end", "1");
  link.settle();
  link.say(answer("too much"));
  expect_whole_but_not_kept("too much");
}

TEST_P(ClientWritesAlone, WriteFailsAndTrailersComeBehindTheAnswer) {
  open().send_head("POST", Framing::chunked);
  link.settle();
  link.wire.refuse_writes();
  sink().send_body("01234", End::no);
  link.settle();
  link.say(answer("too much"));
  EXPECT_FALSE(sink().closed);
  sink().send_trailers("x-end", "1");
  link.settle();
  expect_whole_but_not_kept("too much");
}

TEST_P(ClientWrites, WriteFailsBehindTheWholeAnswer) {
  link.wire.take_only(200);
  upload(10'000).send_body(letters(5'000), End::no);
  link.settle();
  link.say(answer("enough"));
  EXPECT_TRUE(sink().whole);
  link.wire.refuse_writes();
  sink().send_body(letters(5'000), End::yes);
  sink().loses = true;
  link.take_all();
  expect_whole_but_not_kept("enough");
}

TEST_P(ClientWrites, WriteFailsBehindTheWholeAnswerWithNothingLeftToGive) {
  link.wire.take_only(200);
  upload(10'000).send_body(letters(10'000), End::yes);
  link.settle();
  link.say(answer("enough"));
  EXPECT_TRUE(sink().whole);
  link.wire.refuse_writes();
  sink().loses = true;
  link.take_all();
  expect_whole_but_not_kept("enough");
}

TEST_P(ClientWritesAlone, WriteFailsBehindAnAnswerThatTheConnectionEnded) {
  link.wire.take_only(200);
  upload(10'000).send_body(letters(10'000), End::yes);
  link.settle();
  reply({.body = Body::until_close});
  link.say_and_fin("enough");
  EXPECT_TRUE(sink().whole);
  link.wire.refuse_writes();
  sink().loses = true;
  link.take_all();
  expect_whole_but_not_kept("enough");
}

TEST_P(ClientWritesAlone, WriteFailsAndNoAnswerComes) {
  upload(10);
  link.wire.refuse_writes();
  sink().send_body("0123456789", End::yes);
  link.settle();
  link.fin();
  expect_lost(ErrorCode::upstream_closed, Retry::never);
}

}  // namespace
}  // namespace pingap::session::contract
