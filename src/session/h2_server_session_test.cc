// What is HTTP/2's own in a server session: streams side by side, GOAWAY, and what a client is told
// when it breaks a rule.
#include "session/contract_server.h"

namespace pingap::session::contract {
namespace {

using http::Framing;

class H2ServerOwn : public ServerContract {
 protected:
  size_t count(uint8_t type) {
    const auto frames = h2_frames(link.wire.written());
    return static_cast<size_t>(std::ranges::count(frames, type, &H2Frame::type));
  }

  // The code of the newest frame of that kind; 99 where there is none.
  uint32_t code(uint8_t type) {
    uint32_t code = 99;
    for (const H2Frame& frame : h2_frames(link.wire.written())) {
      if (frame.type == type) {
        code = h2_read(frame.payload.substr(type == NGHTTP2_GOAWAY ? 4 : 0));
      }
    }
    return code;
  }

  // The streams of DATA frames in the order in which they were written.
  std::vector<uint32_t> order() {
    std::vector<uint32_t> streams;
    for (const H2Frame& frame : h2_frames(link.wire.written())) {
      if (frame.type == NGHTTP2_DATA && (streams.empty() || streams.back() != frame.stream)) {
        streams.push_back(frame.stream);
      }
    }
    return streams;
  }

  static std::string request(uint32_t stream, std::string_view priority) {
    return h2_frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, stream,
                    join({h2_field(":method", "GET"), h2_field(":scheme", "http"),
                          h2_field(":path", "/"), h2_field(":authority", "a.test"),
                          priority.empty() ? "" : h2_field("priority", priority)}));
  }

  static std::string priority_update(uint32_t stream, std::string_view priority) {
    return h2_frame(NGHTTP2_PRIORITY_UPDATE, 0, 0, h2_number(stream, 4) + std::string(priority));
  }

  static std::string post(uint32_t stream) {
    return h2_frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, stream,
                    join({h2_field(":method", "POST"), h2_field(":scheme", "http"),
                          h2_field(":path", "/"), h2_field(":authority", "a.test")}));
  }

  static std::string reset(uint32_t stream) {
    return h2_frame(NGHTTP2_RST_STREAM, 0, stream, h2_number(NGHTTP2_CANCEL, 4));
  }

  static constexpr uint8_t kWhole = NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM;

  // The connection of a client that says this of stream after stream, each with a reset behind it.
  void expect_cut(std::string (*say)(uint32_t)) {
    uint32_t id = 1;
    for (int turn = 0; turn < 30 && count(NGHTTP2_GOAWAY) == 0; ++turn) {
      std::string all;
      for (int i = 0; i < 50; ++i, id += 2) {
        all += say(id) + reset(id);
      }
      link.say(all);
    }
    EXPECT_EQ(code(NGHTTP2_GOAWAY), uint32_t{NGHTTP2_ENHANCE_YOUR_CALM});
    EXPECT_LE(streams(), http::limits::kH2ResetBurst + 50);
  }

  // All that were asked answer at once with two frames each.
  void answer_all() {
    for (size_t i = 0; i < streams(); ++i) {
      sink(i).answer(letters(32'000));
    }
    link.settle();
    EXPECT_EQ(answers(), streams());
  }
};

INSTANTIATE_TEST_SUITE_P(Own, H2ServerOwn, h2_server(), protocol_name);

TEST_P(H2ServerOwn, StreamsAreAnsweredInAnyOrder) {
  ask();
  ask();
  sink(1).answer("two");
  link.settle();
  EXPECT_EQ(answer().body, "two");
  sink(0).answer("one");
  link.settle();
  EXPECT_EQ(answer().body, "one");
  expect_reusable();
}

TEST_P(H2ServerOwn, UrgentAnswersGoFirst) {
  link.say(join({request(1, "u=7"), request(3, "u=5"), request(5, "u=0"), request(7, "")}));
  answer_all();
  EXPECT_EQ(order(), (std::vector<uint32_t>{5, 7, 3, 1}));
}

TEST_P(H2ServerOwn, EqualAnswersThatAreNotIncrementalGoOneByOne) {
  link.say(join({request(1, "u=2"), request(3, "u=2")}));
  answer_all();
  EXPECT_EQ(order(), (std::vector<uint32_t>{1, 3}));
}

TEST_P(H2ServerOwn, IncrementalAnswersShare) {
  link.say(join({request(1, "u=2, i"), request(3, "u=2, i")}));
  answer_all();
  EXPECT_EQ(order(), (std::vector<uint32_t>{1, 3, 1, 3}));
}

TEST_P(H2ServerOwn, AnswersOfRequestsThatSayNothingShare) {
  link.say(join({request(1, ""), request(3, "")}));
  answer_all();
  EXPECT_EQ(order(), (std::vector<uint32_t>{1, 3, 1, 3}));
}

TEST_P(H2ServerOwn, PriorityIsChangedLater) {
  link.say(join({request(1, "u=1"), request(3, "u=6"), priority_update(3, "u=0")}));
  answer_all();
  EXPECT_EQ(order(), (std::vector<uint32_t>{3, 1}));
}

TEST_P(H2ServerOwn, PriorityIsSaidBeforeTheRequest) {
  link.say(join({priority_update(3, "u=0"), request(1, "u=1"), request(3, "")}));
  answer_all();
  EXPECT_EQ(order(), (std::vector<uint32_t>{3, 1}));
}

TEST_P(H2ServerOwn, NonsenseForAPriorityIsTheDefault) {
  link.say(join({request(1, "u=6"), request(3, "u=99;=,"), request(5, "u=2")}));
  answer_all();
  EXPECT_EQ(order(), (std::vector<uint32_t>{5, 3, 1}));
}

TEST_P(H2ServerOwn, NumberOfRequestsIsLimitedInTwoSteps) {
  settings.keepalive_requests = 2;
  ask().answer("one");
  link.settle();
  EXPECT_EQ(count(NGHTTP2_GOAWAY), 0U);
  ask().answer("two");
  link.settle();
  EXPECT_EQ(count(NGHTTP2_GOAWAY), 1U);
  ask().answer("on its way");
  link.settle();
  EXPECT_EQ(answer().body, "on its way");
  link.pass(1s + kTick);
  EXPECT_EQ(count(NGHTTP2_GOAWAY), 2U);
  EXPECT_EQ(code(NGHTTP2_GOAWAY), 0U);
  EXPECT_TRUE(link.wire.shut());
}

TEST_P(H2ServerOwn, LastNumbersOfStreamsEndTheConnection) {
  link.say(request(0x7fffffff, ""));
  sink().answer("last");
  link.settle();
  EXPECT_EQ(answer().body, "last");
  link.pass(1s + kTick);
  EXPECT_EQ(code(NGHTTP2_GOAWAY), 0U);
  EXPECT_TRUE(link.wire.shut());
}

TEST_P(H2ServerOwn, ConnectionThatIsShutWaitsForTheClientButNotLong) {
  protocol->drain();
  link.settle();
  EXPECT_TRUE(link.wire.shut());
  EXPECT_FALSE(gone());
  link.pass(2s + kTick);
  EXPECT_TRUE(gone());
}

TEST_P(H2ServerOwn, ConnectionThatIsShutEndsWithTheClient) {
  protocol->drain();
  link.settle();
  link.fin();
  EXPECT_TRUE(gone());
}

TEST_P(H2ServerOwn, HeadThatStopsEndsTheConnection) {
  const std::string head = protocol->head({});
  link.say(head.substr(0, head.size() - 1));
  link.pass(settings.header_timeout + kTick);
  EXPECT_TRUE(link.wire.shut());
  EXPECT_EQ(sink().why.code, ErrorCode::header_timeout) << "it is told to somebody";
}

TEST_P(H2ServerOwn, PingDoesNotKeepAConnection) {
  ask().answer("one");
  for (int i = 0; i < 25; ++i) {
    link.say(h2_frame(NGHTTP2_PING, 0, 0, "12345678"));
    link.pass(1s);
  }
  EXPECT_TRUE(link.wire.shut());
}

TEST_P(H2ServerOwn, MalformedHeadIsToldAndOnlyItsStreamEnds) {
  link.say(h2_frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 1,
                    join({h2_field(":method", "GET"), h2_field(":path", "/x"),
                          h2_field("connection", "close")})));
  ASSERT_EQ(streams(), 1U);
  EXPECT_EQ(sink().why.code, ErrorCode::bad_header);
  EXPECT_EQ(code(NGHTTP2_RST_STREAM), uint32_t{NGHTTP2_PROTOCOL_ERROR});
  link.say(request(3, ""));
  sink().answer("fine");
  link.settle();
  EXPECT_EQ(answer().body, "fine");
}

TEST_P(H2ServerOwn, BodyOfAnotherLengthIsNoneOfTheClientsResets) {
  upload(10);
  body("01234", End::yes);
  EXPECT_EQ(sink().why.code, ErrorCode::h2_protocol);
  EXPECT_FALSE(sink().whole);
  expect_reusable();
}

TEST_P(H2ServerOwn, FloodTellsTheSinksAtOnceThoughTheClientReadsNothing) {
  link.take(0);
  ask();
  std::string flood;
  for (uint32_t i = 0; i < 1100; ++i) {
    flood += h2_frame(NGHTTP2_PRIORITY, 0, 1, std::string_view("\0\0\0\3\1", 5));
  }
  link.say(flood);
  EXPECT_EQ(sink(0).why.code, ErrorCode::h2_frame_flood);
  link.take_all();
  EXPECT_EQ(code(NGHTTP2_GOAWAY), uint32_t{NGHTTP2_ENHANCE_YOUR_CALM});
}

TEST_P(H2ServerOwn, CallOfGrpcMayBeSilentAndSlow) {
  settings.min_body_rate = 10;
  link.say(h2_frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1,
                    join({h2_field(":method", "POST"), h2_field(":scheme", "http"),
                          h2_field(":path", "/"), h2_field(":authority", "a.test"),
                          h2_field("content-type", "application/grpc+proto")})));
  for (int i = 0; i < 3; ++i) {
    link.pass(settings.body_timeout * 3);
    link.say(h2_frame(NGHTTP2_DATA, 0, 1, "x"));
  }
  EXPECT_EQ(sink().refused, ErrorCode::none);
  EXPECT_EQ(sink().body, "xxx");
  link.pass(1h + kTick);
  EXPECT_EQ(sink().refused, ErrorCode::body_timeout);
}

TEST_P(H2ServerOwn, BodyThatIsBeingAnsweredHasNoRate) {
  settings.min_body_rate = 10;
  upload(10'000).send_head(200, Framing::chunked);
  for (int i = 0; i < 60; ++i) {
    link.pass(1s);
    body("x");
  }
  EXPECT_EQ(sink().refused, ErrorCode::none);
}

TEST_P(H2ServerOwn, AnswerThatWaitsForItsTurnIsNotStalled) {
  link.say(join({request(1, "u=1"), request(3, "u=6")}));
  link.take(1000);
  sink(0).send_head(200, Framing::chunked);
  sink(0).send_body(letters(200'000), End::no);
  sink(1).answer(letters(32'000));
  for (int i = 0; i < 20; ++i) {
    sink(0).send_body(letters(32'000), End::no);
    link.pass(settings.write_timeout / 3);
    link.take(32'000);
  }
  EXPECT_FALSE(sink(1).over());
  sink(0).send_body("", End::yes);
  link.take_all();
  EXPECT_TRUE(sink(1).closed && !sink(1).why);
}

// RFC 9113 6.8: what a client sends before it has seen GOAWAY is ignored, all of it.
TEST_P(H2ServerOwn, UploadBehindTheLastGoawayIsIgnoredAndOthersGoOn) {
  upload(5);
  protocol->drain();
  link.pass(1s + kTick);
  ASSERT_EQ(count(NGHTTP2_GOAWAY), 2U);
  link.say(join({post(3), h2_frame(NGHTTP2_DATA, 0, 3, "hello"),
                 h2_frame(NGHTTP2_WINDOW_UPDATE, 0, 3, h2_number(1, 4)), reset(3)}));
  link.say(h2_frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, "01234"));
  EXPECT_EQ(streams(), 1U);
  EXPECT_TRUE(sink(0).whole);
  sink(0).answer("fine");
  link.settle();
  EXPECT_EQ(answer().body, "fine");
  EXPECT_EQ(code(NGHTTP2_GOAWAY), 0U);
}

// CVE-2023-44487 behind CVE-2025-8671: the client resets what we are about to reset for its fault.
TEST_P(H2ServerOwn, ResetBehindMalformedTrailersIsPaidFor) {
  expect_cut([](uint32_t id) {
    return post(id) + h2_frame(NGHTTP2_HEADERS, kWhole, id, h2_field(":x", "y"));
  });
}

TEST_P(H2ServerOwn, ResetBehindTrailersWithoutAnEndIsPaidFor) {
  expect_cut([](uint32_t id) {
    return post(id) + h2_frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, id, h2_field("x", "y"));
  });
}

TEST_P(H2ServerOwn, ResetBehindAMalformedHeadIsPaidFor) {
  expect_cut([](uint32_t id) {
    return h2_frame(NGHTTP2_HEADERS, kWhole, id, h2_field(":method", "GET"));
  });
}

TEST_P(H2ServerOwn, PingsBesideALongAnswerCostNothingWhereTheirAnswersAreRead) {
  ask().send_head(200, Framing::chunked);
  link.take(0);
  sink().send_body(letters(60'000), End::no);
  for (size_t i = 0; i < 2 * http::limits::kH2Acks; ++i) {
    sink().send_body(letters(30'000), End::no);
    link.take(30'050);
    link.say(h2_frame(NGHTTP2_PING, 0, 0, "12345678"));
    ASSERT_FALSE(sink().over()) << i;
  }
}

TEST_P(H2ServerOwn, NewestPriorityOfAStreamToComeCounts) {
  std::string updates;
  for (uint32_t i = 0; i < 2 * http::limits::kH2Streams; ++i) {
    updates += priority_update(3, i % 2 == 0 ? "u=0" : "u=7");
  }
  link.say(join({updates, request(1, "u=3"), request(3, "")}));
  answer_all();
  EXPECT_EQ(order(), (std::vector<uint32_t>{1, 3}));
}

}  // namespace
}  // namespace pingap::session::contract
