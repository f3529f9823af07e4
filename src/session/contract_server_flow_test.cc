// Bytes through a server session: windows, stalled readers, cuts, and answers that come before
// their request is whole. Nothing is lost, doubled or held back.
#include "session/contract_server.h"

namespace pingap::session::contract {
namespace {

using http::Framing;
using http::limits::kWindow;

class ServerFlow : public ServerContract {
 protected:
  static End ending(bool last) { return last ? End::yes : End::no; }
};

INSTANTIATE_TEST_SUITE_P(Contract, ServerFlow, server_protocols(), protocol_name);

TEST_P(ServerFlow, ExhaustedWindowStopsTheReading) {
  const std::string all = letters(kWindow * 3);
  upload(all.size()).hold = true;
  body(all, End::yes);
  EXPECT_GE(sink().held, kWindow);
  EXPECT_LT(sink().held, kWindow + kChunkSize) << "a read that began below the line";
  EXPECT_GT(link.wire.unread() + protocol->kept(), kWindow);
}

TEST_P(ServerFlow, ReleasedWindowGoesOnWithoutAnEvent) {
  const std::string all = letters(kWindow * 3);
  upload(all.size()).hold = true;
  body(all, End::yes);
  for (int i = 0; i < 20 && !sink().whole; ++i) {
    sink().release(kWindow / 4);
    link.settle();
  }
  EXPECT_EQ(sink().body, all);
  EXPECT_TRUE(sink().whole);
}

TEST_P(ServerFlow, WindowReleasedByTheByteGoesOn) {
  upload(kWindow + kChunkSize).hold = true;
  body(letters(kWindow + kChunkSize), End::yes);
  while (sink().held > kWindow) {
    sink().release(1);
  }
  const size_t before = sink().body.size();
  link.settle();
  EXPECT_EQ(sink().body.size(), before) << "the window is still exhausted";
  for (size_t i = 0; i < protocol->window_step(); ++i) {
    sink().release(1);
  }
  link.settle();
  EXPECT_EQ(sink().body, letters(kWindow + kChunkSize));
}

TEST_P(ServerFlow, WindowIsReleasedInsideOnBody) {
  const std::string all = letters(kWindow * 5);
  upload(all.size());  // a sink that does not hold gives all back in the callback
  body(all, End::yes);
  EXPECT_EQ(sink().body, all);
  EXPECT_TRUE(sink().whole);
  EXPECT_EQ(sink().held, 0U);
}

TEST_P(ServerFlow, BusyClientLeavesTheTurnToOthers) {
  const std::string all = letters(kWindow * 8);
  upload(all.size());
  link.wire.say(protocol->body(all, End::yes));
  link.session->on_io(link.wire.ready());
  EXPECT_LE(sink().body.size(), kWindow * 2);
  link.settle();
  EXPECT_EQ(sink().body, all);
}

// A record of TLS for each byte takes as long as many bytes do.
TEST_P(ServerFlow, ClientWhoseBytesAreDearLeavesTheTurnToOthers) {
  const std::string all = letters(1000);
  upload(all.size());
  link.wire.say(protocol->body(all, End::yes));
  link.wire.say_dearly(100, 32 * 1024);
  link.session->on_io(link.wire.ready());
  EXPECT_LE(sink().body.size(), 2 * 100U);
  link.settle();
  EXPECT_EQ(sink().body, all);
}

// An echo, as a proxy is one: every byte is given back when it has left.
TEST_P(ServerFlow, WindowIsReleasedInsideOnSent) {
  const std::string all = letters(kWindow * 3);
  link.take(0);
  upload(all.size()).hold = true;
  sink().send_head(200, Framing::chunked);
  size_t returned = 0;
  const Hook echo = [&] {
    const size_t size = sink().body.size();
    sink().send_body(std::string_view(sink().body).substr(sink().given), ending(sink().whole));
    EXPECT_EQ(sink().given, size);
    sink().at_body = echo;
  };
  const Hook give_back = [&] {
    sink().release(sink().sent - returned);
    returned = sink().sent;
    sink().at_sent = give_back;
  };
  sink().at_body = echo;
  sink().at_sent = give_back;
  body(all, End::yes);
  EXPECT_LT(sink().body.size(), kWindow + kChunkSize) << "a client that does not read";
  for (int i = 0; i < 200 && !answer().whole; ++i) {
    link.take(5000);
  }
  EXPECT_EQ(sink().body, all);
  EXPECT_EQ(answer().body, all);
  EXPECT_EQ(returned, all.size());
}

TEST_P(ServerFlow, StalledClientGetsEveryByteOnce) {
  const std::string all = letters(200'000);
  ask().send_head(200, Framing::length, all.size());
  sink().send_body(std::string_view(all).substr(0, 150'000), End::no);
  for (size_t room = 1; !answer().whole && room < 40'000; room += 3333) {
    link.take(room);
    if (room == 10'000) {
      sink().send_body(std::string_view(all).substr(150'000), End::yes);
    }
  }
  EXPECT_EQ(answer().body, all);
  EXPECT_TRUE(sink().closed && !sink().why);
  link.take_all();
  expect_reusable();
}

TEST_P(ServerFlow, WhatOneEventMakesLeavesInOneWrite) {
  ask();
  const int before = link.wire.writes();
  sink().send_head(200, Framing::chunked);
  sink().send_body("one", End::no);
  sink().send_body("two", End::no);
  sink().send_body("three", End::yes);
  link.settle();
  EXPECT_EQ(answer().body, "onetwothree");
  EXPECT_EQ(link.wire.writes(), before + 1);
}

TEST_P(ServerFlow, AnyCutOfARequestIsTheSameRequest) {
  size_t longest = 1;
  for (size_t piece = 1; piece <= longest; ++piece) {
    const std::string bytes = join({protocol->head({.method = "POST", .body = Body::chunked}),
                                    protocol->body("01234", End::no), protocol->body("56", End::no),
                                    protocol->trailers("x-end: 1")});
    longest = bytes.size();
    link.say_in_pieces(bytes, piece);
    EXPECT_EQ(sink().method, "POST") << piece;
    EXPECT_EQ(sink().body, "0123456") << piece;
    EXPECT_EQ(sink().trailers, "x-end: 1\n") << piece;
    sink().answer("ok");
    link.settle();
    ASSERT_EQ(streams(), piece);
    ASSERT_EQ(answers(), piece);
  }
}

TEST_P(ServerFlow, NextRequestBehindTheLastBytesIsItsOwnStream) {
  upload(10);
  link.say(join({protocol->body("0123456789", End::yes), protocol->head({})}));
  EXPECT_EQ(sink(0).body, "0123456789");
  sink(0).answer("one");
  link.settle();
  ASSERT_EQ(streams(), 2U);
  EXPECT_EQ(sink().method, "GET");
  sink().answer("two");
  link.settle();
  ASSERT_EQ(answers(), 2U);
  EXPECT_EQ(protocol->answers(link.wire)[0].body, "one");
  EXPECT_EQ(answer().body, "two");
}

TEST_P(ServerFlow, AnswerMayComeBeforeTheRequestIsWhole) {
  upload(10);
  body("01234");
  sink().answer("early");
  link.settle();
  EXPECT_EQ(answer().body, "early");
  EXPECT_TRUE(sink().closed && !sink().why);
  body("56789", End::yes);
  expect_reusable();
}

TEST_P(ServerFlow, HeadOfAnAnswerMayComeBeforeTheRequestIsWhole) {
  upload(10).send_head(200, Framing::length, 5);
  body("0123456789", End::yes);
  EXPECT_EQ(sink().body, "0123456789");
  sink().send_body("whole", End::yes);
  link.settle();
  EXPECT_EQ(answer().body, "whole");
  expect_reusable();
}

TEST_P(ServerFlow, EarlyAnswerToAStalledClientDoesNotStopTheRequest) {
  CONTRACT_NEEDS(rest_of_request);
  link.take(0);
  const std::string all = letters(http::limits::kDrain);
  upload(all.size()).answer("early");
  body(all, End::yes);
  EXPECT_EQ(sink().body, all);
  link.take_all();
  EXPECT_EQ(answer().body, "early");
  expect_reusable();
}

TEST_P(ServerFlow, ExchangesFollowEachOtherWithFullWindows) {
  const std::string all = letters(kWindow - 1);
  for (int i = 0; i < 3; ++i) {
    upload(all.size()).hold = true;  // never given back: the stream ends with its window used
    body(all, End::yes);
    ASSERT_TRUE(sink().whole) << i;
    sink().answer("ok");
    link.settle();
    ASSERT_TRUE(sink().closed);
  }
}

TEST_P(ServerFlow, IdleConnectionHoldsNoBuffer) {
  upload(10);
  body("0123456789", End::yes);
  sink().answer("ok");
  link.settle();
  EXPECT_TRUE(holds_no_buffer());
}

TEST_P(ServerFlow, IdleConnectionHoldsNoBufferBehindRequestsInOneRead) {
  link.say(join({protocol->head({}), protocol->head({})}));
  for (size_t i = 1; i <= 2; ++i) {
    sink(i - 1).answer("ok");
    link.settle();
    ASSERT_EQ(answers(), i);
  }
  EXPECT_TRUE(holds_no_buffer());
}

}  // namespace
}  // namespace pingap::session::contract
