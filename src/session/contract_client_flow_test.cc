// Bytes through a client session, and the answers they make: windows, backends that do not read,
// cuts, 1xx, bodies of every kind. Nothing is lost, doubled or held back.
#include "session/contract_client.h"

namespace pingap::session::contract {
namespace {

using http::Framing;
using http::limits::kWindow;

class ClientFlow : public ClientContract {
 protected:
  static End ending(bool last) { return last ? End::yes : End::no; }

  void expect_whole(std::string_view text) {
    EXPECT_EQ(sink().body, text);
    EXPECT_TRUE(sink().whole);
    EXPECT_TRUE(sink().closed);
    EXPECT_FALSE(sink().why);
  }
};

INSTANTIATE_TEST_SUITE_P(Contract, ClientFlow, client_protocols(), protocol_name);

// Where the stream has the connection for itself.
class ClientFlowAlone : public ClientFlow {};

INSTANTIATE_TEST_SUITE_P(Contract, ClientFlowAlone, client_connections(), protocol_name);

TEST_P(ClientFlow, RequestsFollowEachOther) {
  for (const std::string_view method : {"GET", "DELETE", "GET"}) {
    get(method);
    EXPECT_EQ(request().start, std::string(method) + " /");
    link.say(answer("hello"));
    expect_whole("hello");
    ASSERT_TRUE(idle());
  }
  EXPECT_EQ(requests(), 3U);
}

TEST_P(ClientFlowAlone, ExhaustedWindowStopsTheReading) {
  get().hold = true;
  link.say(answer(letters(kWindow * 3)));
  EXPECT_GE(sink().held, kWindow);
  EXPECT_LT(sink().held, kWindow + kChunkSize) << "a read that began below the line";
  EXPECT_GT(link.wire.unread(), kWindow);
}

TEST_P(ClientFlowAlone, ReleasedWindowGoesOnWithoutAnEvent) {
  const std::string all = letters(kWindow * 3);
  get().hold = true;
  link.say(answer(all));
  for (int i = 0; i < 20 && !sink().whole; ++i) {
    sink().release(kWindow / 4);
    link.settle();
  }
  expect_whole(all);
  expect_reusable();
}

TEST_P(ClientFlow, WindowIsReleasedInsideOnBody) {
  const std::string all = letters(kWindow * 5);
  get();
  link.say(answer(all));
  expect_whole(all);
  expect_reusable();
}

TEST_P(ClientFlow, BusyBackendLeavesTheTurnToOthers) {
  const std::string all = letters(kWindow * 8);
  get();
  link.wire.say(answer(all));
  link.session->on_io(link.wire.ready());
  EXPECT_LE(sink().body.size(), kWindow * 2);
  link.settle();
  expect_whole(all);
}

// An echo, as a proxy is one: every byte is given back when it has left.
TEST_P(ClientFlowAlone, WindowIsReleasedInsideOnSent) {
  const std::string all = letters(kWindow * 3);
  open().hold = true;
  sink().send_head("POST", Framing::chunked);
  link.settle();
  link.take(0);
  size_t returned = 0;
  const Hook echo = [&] {
    sink().send_body(std::string_view(sink().body).substr(sink().given), ending(sink().whole));
    sink().at_body = echo;
  };
  const Hook give_back = [&] {
    sink().release(sink().sent - returned);
    returned = sink().sent;
    sink().at_sent = give_back;
  };
  sink().at_body = echo;
  sink().at_sent = give_back;
  link.say(answer(all));
  EXPECT_LT(sink().body.size(), kWindow + kChunkSize) << "a backend that does not read";
  for (int i = 0; i < 200 && !sink().closed; ++i) {
    link.take(5000);
  }
  expect_whole(all);
  EXPECT_EQ(request().body, all);
  EXPECT_EQ(returned, all.size());
  link.take_all();
  expect_reusable();
}

TEST_P(ClientFlow, StalledBackendGetsEveryByteOnce) {
  const std::string all = letters(200'000);
  link.wire.take_only(0);
  upload(all.size()).send_body(all, End::yes);
  for (size_t room = 1; !request().whole && room < 50'000; room += 3333) {
    link.take(room);
  }
  EXPECT_EQ(request().body, all);
  EXPECT_EQ(sink().sent, all.size());
  link.take_all();
  link.say(answer("ok"));
  expect_whole("ok");
  expect_reusable();
}

TEST_P(ClientFlowAlone, WhatOneEventMakesLeavesInOneWrite) {
  open().send_head("POST", Framing::chunked);
  sink().send_body("one", End::no);
  sink().send_body("two", End::yes);
  link.settle();
  EXPECT_EQ(request().body, "onetwo");
  EXPECT_EQ(link.wire.writes(), 1);
}

TEST_P(ClientFlow, AnyCutOfAnAnswerIsTheSameAnswer) {
  for (size_t piece = 1, most = 1; piece <= most; ++piece) {
    get();
    const std::string bytes =
        join({protocol->head({.status = 103}), protocol->head({.body = Body::chunked}),
              protocol->body("01234", End::no), protocol->body("56", End::no),
              protocol->trailers("x-end: 1")});
    most = bytes.size();
    link.say_in_pieces(bytes, piece);
    EXPECT_EQ(sink().interim, std::vector<int>{103}) << piece;
    EXPECT_EQ(sink().trailers, "x-end: 1\n") << piece;
    expect_whole("0123456");
    ASSERT_TRUE(idle()) << piece;
  }
}

// ---- the request

TEST_P(ClientFlow, TrailersEndTheRequest) {
  open().send_head("POST", Framing::chunked);
  sink().send_body("hello", End::no);
  sink().send_trailers("x-end", "1");
  link.settle();
  EXPECT_EQ(request().body, "hello");
  EXPECT_EQ(request().trailers, "x-end: 1\r\n");
  EXPECT_TRUE(request().whole);
  link.say(answer("ok"));
  expect_whole("ok");
  expect_reusable();
}

TEST_P(ClientFlow, AnswerMayComeBeforeTheRequestIsWhole) {
  upload(10).send_body("01234", End::no);
  link.say(answer("early"));
  EXPECT_EQ(sink().body, "early");
  EXPECT_TRUE(sink().whole);
  EXPECT_FALSE(sink().closed) << "the other direction is still open";
  sink().send_body("56789", End::yes);
  link.settle();
  expect_whole("early");
  EXPECT_EQ(request().body, "0123456789");
  expect_reusable();
}

TEST_P(ClientFlowAlone, AnswerMayComeBeforeTheRequestIsOut) {
  link.wire.take_only(100);
  upload(10'000).send_body(letters(10'000), End::yes);
  link.say(answer("early"));
  EXPECT_TRUE(sink().whole);
  EXPECT_FALSE(sink().closed);
  link.take_all();
  expect_whole("early");
  expect_reusable();
}

TEST_P(ClientFlowAlone, AnswerWithoutBodyMayComeBeforeTheRequestIsOut) {
  link.wire.take_only(100);
  upload(10'000).send_body(letters(10'000), End::yes);
  reply({.status = 204});
  EXPECT_TRUE(sink().whole);
  link.take_all();
  expect_whole("");
  expect_reusable();
}

// Its rest will never be sent: what the backend reads next would be taken for it.
TEST_P(ClientFlowAlone, EarlyAnswerToARequestThatIsGivenUpEndsTheConnection) {
  upload(10).send_body("01234", End::no);
  link.say(answer("early"));
  sink().reset();
  link.settle();
  EXPECT_FALSE(idle());
  EXPECT_TRUE(gone());
}

// ---- the answer

TEST_P(ClientFlow, InterimAnswersComeBeforeTheFinalOne) {
  upload(5);
  reply({.status = 100});
  EXPECT_EQ(sink().interim, std::vector<int>{100});
  sink().send_body("hello", End::yes);
  link.settle();
  link.say(join({protocol->head({.status = 102}), protocol->head({.status = 103}), answer("ok")}));
  EXPECT_EQ(sink().interim, (std::vector<int>{100, 102, 103}));
  expect_whole("ok");
  expect_reusable();
}

TEST_P(ClientFlow, AnswerToHeadHasNoBody) {
  get("HEAD");
  reply({.body = Body::length, .length = 1000});
  expect_whole("");
  expect_reusable();
}

TEST_P(ClientFlow, BodilessAnswersHaveNone) {
  for (const int status : {204, 304}) {
    get();
    reply({.status = status});
    EXPECT_EQ(sink().status, status);
    expect_whole("");
  }
  expect_reusable();
}

TEST_P(ClientFlow, EmptyBodyIsTheEndAtOnce) {
  get();
  reply({.body = Body::length, .length = 0});
  expect_whole("");
  expect_reusable();
}

TEST_P(ClientFlow, EmptyBodyOfUnknownLengthIsTheEndAtItsEnd) {
  get();
  reply({.body = Body::chunked});
  EXPECT_FALSE(sink().whole);
  body("", End::yes);
  expect_whole("");
  expect_reusable();
}

TEST_P(ClientFlow, TrailersEndTheAnswer) {
  get();
  reply({.body = Body::chunked});
  link.say(join({protocol->body("hello", End::no), protocol->trailers("x-end: 1")}));
  EXPECT_EQ(sink().trailers, "x-end: 1\n");
  expect_whole("hello");
  expect_reusable();
}

// ---- the connection between requests

TEST_P(ClientFlow, IdleConnectionHoldsNoBuffer) {
  get();
  link.say(answer(letters(40'000)));
  ASSERT_TRUE(idle());
  EXPECT_TRUE(holds_no_buffer());
}

TEST_P(ClientFlow, OwnerMayCloseWhatBecomesIdle) {
  at_idle = [this] { protocol->close(); };
  get();
  link.say(answer("hello"));
  expect_whole("hello");
  EXPECT_TRUE(gone());
}

TEST_P(ClientFlow, ConnectionIsTakenAgainInsideOnClosed) {
  get().at_closed = [this] { get(); };
  link.say(answer("one"));
  link.settle();
  EXPECT_EQ(requests(), 2U);
  link.say(answer("two"));
  expect_whole("two");
  expect_reusable();
}

}  // namespace
}  // namespace pingap::session::contract
