#include "http/h2/framer.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "http/h2/test_framer.h"
#include "http/h2/test_frames.h"
#include "http/limits.h"

namespace pingap::http::h2 {
namespace {

const std::string kBlock = literal(":method", "GET") + literal(":scheme", "http") +
                           literal(":path", "/") + literal(":authority", "a");

std::string get(uint32_t stream, int flags = kEndHeaders | kEndStream) {
  return frame(FrameType::headers, flags, stream, kBlock);
}

std::string post(uint32_t stream) {
  return get(stream, kEndHeaders);
}

std::string data(uint32_t stream, std::string_view body, int flags = 0) {
  return frame(FrameType::data, flags, stream, body);
}

std::string code_frame(FrameType type, uint32_t stream, uint64_t value) {
  return frame(type, 0, stream, number(value, 4));
}

class ServerFramer : public testing::Test {
 protected:
  void SetUp() override {
    one.framer.start(Framer::Connect::plain);
    one.framer.receive(std::string(kTestPreface) + frame(FrameType::settings, 0, 0, ""));
    one.take();
  }

  void say(std::string_view bytes) { one.framer.receive(bytes); }

  // RST_STREAM frames of what is sent now.
  std::vector<std::pair<uint32_t, Code>> resets() {
    std::vector<std::pair<uint32_t, Code>> all;
    const std::string sent = one.take();
    std::string_view rest = sent;
    while (rest.size() >= kFrameHeader) {
      const FrameHeader header = read_frame_header(rest);
      if (header.type == FrameType::rst_stream) {
        all.emplace_back(header.stream, static_cast<Code>(read_uint32(rest.substr(kFrameHeader))));
      }
      rest.remove_prefix(kFrameHeader + header.length);
    }
    return all;
  }

  void expect_reset(uint32_t stream, Code code) {
    EXPECT_EQ(resets(), (std::vector<std::pair<uint32_t, Code>>{{stream, code}}));
    EXPECT_TRUE(one.seen[static_cast<int32_t>(stream)].closed);
    EXPECT_EQ(one.seen[static_cast<int32_t>(stream)].code, code);
    EXPECT_EQ(one.broken, ErrorCode::none);
  }

  TestFramer one{Role::server, 3};
};

TEST_F(ServerFramer, GreetsWithSettings) {
  TestFramer other(Role::server, 3);
  other.framer.start(Framer::Connect::extended);
  const std::string sent = other.take();
  EXPECT_EQ(read_frame_header(sent).type, FrameType::settings);
  EXPECT_NE(sent.find(setting(8, 1)), std::string::npos);
  EXPECT_NE(sent.find(setting(4, limits::kWindow)), std::string::npos);
}

TEST_F(ServerFramer, ReadsARequestWhereverItIsCut) {
  const std::string all = post(1) + data(1, "hel") + data(1, std::string("\2lo\0\0", 5), kPadded) +
                          frame(FrameType::headers, kEndHeaders | kEndStream, 1, literal("x", "t"));
  for (size_t cut = 0; cut <= all.size(); ++cut) {
    TestFramer other(Role::server, 3);
    other.framer.receive(std::string(kTestPreface) + frame(FrameType::settings, 0, 0, ""));
    other.framer.receive(all.substr(0, cut));
    other.framer.receive(all.substr(cut));
    const TestFramer::Seen& seen = other.seen[1];
    ASSERT_EQ(seen.body, "hello") << cut;
    ASSERT_EQ(seen.head.size(), 4U);
    ASSERT_EQ(seen.trailers, (TestFramer::Fields{{"x", "t"}}));
    ASSERT_TRUE(seen.whole);
  }
}

TEST_F(ServerFramer, PutsHeadsTogether) {
  say(frame(FrameType::headers, kEndStream, 1, kBlock.substr(0, 10)));
  EXPECT_TRUE(one.framer.awaits_head());
  say(frame(FrameType::continuation, 0, 1, kBlock.substr(10, 5)) +
      frame(FrameType::continuation, kEndHeaders, 1, kBlock.substr(15)));
  EXPECT_FALSE(one.framer.awaits_head());
  EXPECT_TRUE(one.seen[1].whole);
}

TEST_F(ServerFramer, PriorityAndPaddingOfAHeadAreNoPartOfIt) {
  say(frame(FrameType::headers, kEndHeaders | kEndStream | kPadded | kPriority, 1,
            "\x03" + number(0, 5) + kBlock + number(0, 3)));
  EXPECT_EQ(one.seen[1].head.size(), 4U);
}

// ---- errors of the connection

struct Broken {
  std::string bytes;
  Code code;
};

const std::vector<Broken>& broken_cases() {
  static const std::vector<Broken> cases = {
      {data(0, "x"), Code::protocol_error},
      {data(1, "x"), Code::protocol_error},
      {data(2, "x"), Code::protocol_error},
      {frame(FrameType::headers, 5, 0, kBlock), Code::protocol_error},
      {frame(FrameType::headers, 5, 2, kBlock), Code::protocol_error},
      {frame(FrameType::headers, 5 | kPadded, 1, "\xff" + kBlock), Code::protocol_error},
      {frame(FrameType::headers, 5 | kPadded, 1, ""), Code::protocol_error},
      {frame(FrameType::headers, 5 | kPriority, 1, "1234"), Code::protocol_error},
      {frame(FrameType::headers, 5, 1, "\x80"), Code::compression_error},
      {frame(FrameType::headers, 5, 1, std::string(16'385, '\0')), Code::frame_size_error},
      {frame(FrameType::priority, 0, 0, "12345"), Code::protocol_error},
      {frame(FrameType::priority, 0, 1, "1234"), Code::frame_size_error},
      {frame(FrameType::rst_stream, 0, 0, "1234"), Code::protocol_error},
      {frame(FrameType::rst_stream, 0, 1, "1234"), Code::protocol_error},
      {post(1) + frame(FrameType::rst_stream, 0, 1, "123"), Code::frame_size_error},
      {frame(FrameType::settings, 0, 1, ""), Code::protocol_error},
      {frame(FrameType::settings, 0, 0, "12345"), Code::frame_size_error},
      {frame(FrameType::settings, kAck, 0, setting(1, 1)), Code::frame_size_error},
      {frame(FrameType::settings, 0, 0, setting(2, 2)), Code::protocol_error},
      {frame(FrameType::push_promise, kEndHeaders, 1, number(2, 4)), Code::protocol_error},
      {frame(FrameType::ping, 0, 1, "12345678"), Code::protocol_error},
      {frame(FrameType::ping, 0, 0, "1234567"), Code::frame_size_error},
      {frame(FrameType::goaway, 0, 1, number(0, 8)), Code::protocol_error},
      {frame(FrameType::goaway, 0, 0, number(0, 7)), Code::frame_size_error},
      {code_frame(FrameType::window_update, 0, 0), Code::protocol_error},
      {code_frame(FrameType::window_update, 1, 1), Code::protocol_error},
      {post(1) + code_frame(FrameType::window_update, 1, 0), Code::protocol_error},
      {frame(FrameType::window_update, 0, 0, "123"), Code::frame_size_error},
      {code_frame(FrameType::window_update, 0, 0x7fffffff), Code::flow_control_error},
      {frame(FrameType::continuation, kEndHeaders, 1, kBlock), Code::protocol_error},
      {get(1, 0) + frame(FrameType::ping, 0, 0, "12345678"), Code::protocol_error},
      {get(1, 0) + frame(FrameType::continuation, kEndHeaders, 3, ""), Code::protocol_error},
      {post(1) + data(1, "\xffx", kPadded), Code::protocol_error},
      {frame(FrameType::priority_update, 0, 1, number(1, 4)), Code::protocol_error},
      {frame(FrameType::priority_update, 0, 0, number(0, 4)), Code::protocol_error},
      {frame(FrameType::priority_update, 0, 0, "123"), Code::frame_size_error},
      {post(1) + code_frame(FrameType::window_update, 1, 1) +
           frame(FrameType::settings, 0, 0, setting(4, 0x7fffffff)),
       Code::flow_control_error},
  };
  return cases;
}

TEST(Framer, ErrorsOfTheConnectionHaveTheirCode) {
  for (size_t i = 0; i < broken_cases().size(); ++i) {
    const Broken& c = broken_cases()[i];
    TestFramer one(Role::server, 3);
    one.framer.receive(std::string(kTestPreface) + frame(FrameType::settings, 0, 0, "") + c.bytes +
                       frame(FrameType::ping, 0, 0, "not seen"));
    EXPECT_EQ(one.broken, ErrorCode::h2_protocol) << i;
    EXPECT_EQ(one.broken_code, c.code) << i;
    EXPECT_EQ(one.pings, 0) << i;
    const std::string sent = one.take();
    ASSERT_GE(sent.size(), kFrameHeader + 8);
    EXPECT_EQ(sent.substr(sent.size() - 4), number(static_cast<uint64_t>(c.code), 4)) << i;
    EXPECT_TRUE(one.framer.is_over());
  }
}

TEST(Framer, AnswerBeforeItsRequestIsNoneThoughTheRestComesBehindIt) {
  for (const size_t cut : {size_t{0}, kFrameHeader + 1}) {
    TestFramer one(Role::client, 3);
    const std::string answer =
        frame(FrameType::headers, kEndHeaders | kEndStream, 1, literal(":status", "200"));
    one.framer.receive(frame(FrameType::settings, 0, 0, "") + answer.substr(0, cut));
    EXPECT_EQ(one.ask({{":method", "GET"}}, End::yes), cut == 0 ? 1 : 0);
    one.framer.receive(answer.substr(cut));
    EXPECT_EQ(one.broken_code, cut == 0 ? Code::no_error : Code::protocol_error);
  }
}

TEST(Framer, SettingsComeFirst) {
  for (const std::string& first :
       {get(1), frame(FrameType::settings, kAck, 0, ""), frame(FrameType{0xee}, 0, 0, "")}) {
    TestFramer one(Role::server, 3);
    one.framer.receive(std::string(kTestPreface) + first);
    EXPECT_EQ(one.broken_code, Code::protocol_error);
  }
}

TEST_F(ServerFramer, FloodsOfHeadsAreCutOff) {
  say(get(1, 0));
  for (size_t i = 0; i <= limits::kH2Continuations; ++i) {
    EXPECT_EQ(one.broken, ErrorCode::none);
    say(frame(FrameType::continuation, 0, 1, ""));
  }
  EXPECT_EQ(one.broken, ErrorCode::h2_head_flood);
  EXPECT_EQ(one.broken_code, Code::enhance_your_calm);
}

TEST_F(ServerFramer, HeadsThatUnpackToTooMuchAreCutOffWhoeverWantsThem) {
  const std::string bomb = kBlock + "\x40\x01x\x7f" + std::string(1, '\0') + std::string(127, 'y') +
                           std::string(900, '\xbe');
  say(get(1) + get(3) + get(5));
  say(frame(FrameType::headers, 5, 7, bomb));  // refused, there are three
  EXPECT_EQ(one.broken, ErrorCode::h2_head_flood);
}

TEST_F(ServerFramer, SettingsOfManyEntriesAreAFlood) {
  std::string many;
  for (size_t i = 0; i <= limits::kH2Settings; ++i) {
    many += setting(0x99, 1);
  }
  say(frame(FrameType::settings, 0, 0, many));
  EXPECT_EQ(one.broken, ErrorCode::h2_frame_flood);
}

TEST_F(ServerFramer, AnswersThatNobodyTakesAreBounded) {
  for (size_t i = 0; i < limits::kH2Acks; ++i) {
    say(frame(FrameType::ping, 0, 0, "12345678"));
  }
  EXPECT_EQ(one.broken, ErrorCode::none);
  say(frame(FrameType::ping, 0, 0, "12345678"));
  EXPECT_EQ(one.broken, ErrorCode::h2_frame_flood);
}

// ---- errors of a stream

TEST_F(ServerFramer, MalformedHeadIsReset) {
  say(frame(FrameType::headers, 5, 1, kBlock + literal("connection", "close")) + get(3));
  EXPECT_TRUE(one.seen[1].malformed);
  expect_reset(1, Code::protocol_error);
  EXPECT_TRUE(one.seen[3].whole) << "the others go on";
}

TEST_F(ServerFramer, FramesBehindTheEndAreErrorsOfTheStream) {
  say(get(1) + data(1, "x"));
  expect_reset(1, Code::stream_closed);
  say(get(3) + get(3));
  expect_reset(3, Code::stream_closed);
}

TEST_F(ServerFramer, WindowThatIsTooLargeIsAnErrorOfTheStream) {
  say(get(1) + code_frame(FrameType::window_update, 1, 0x7fffffff));
  expect_reset(1, Code::flow_control_error);
}

TEST_F(ServerFramer, MoreThanTheWindowIsAnErrorOfTheStream) {
  one.takes = false;
  say(post(1));
  for (int i = 0; i < 4; ++i) {
    say(data(1, std::string(16'384, 'x')));
  }
  EXPECT_EQ(one.seen[1].body.size(), limits::kWindow);
  say(data(1, "x"));
  EXPECT_EQ(one.seen[1].body.size(), limits::kWindow);
  expect_reset(1, Code::flow_control_error);
}

TEST_F(ServerFramer, BodyOfAnotherLengthIsAnErrorOfTheStream) {
  const std::string head =
      frame(FrameType::headers, kEndHeaders, 1, kBlock + literal("content-length", "3"));
  say(head + data(1, "ab", kEndStream));
  expect_reset(1, Code::protocol_error);
  const std::string other =
      frame(FrameType::headers, kEndHeaders, 3, kBlock + literal("content-length", "3"));
  say(other + data(3, "abcd"));
  EXPECT_EQ(one.seen[3].body, "");
  expect_reset(3, Code::protocol_error);
}

TEST_F(ServerFramer, StreamsBeyondTheLimitAreRefused) {
  say(get(1) + get(3) + get(5) + get(7));
  EXPECT_EQ(one.refused, 1);
  EXPECT_EQ(resets(), (std::vector<std::pair<uint32_t, Code>>{{7, Code::refused_stream}}));
  say(code_frame(FrameType::rst_stream, 1, 8) + get(9));
  EXPECT_TRUE(one.seen[9].whole) << "there is room again";
}

TEST_F(ServerFramer, WhatIsOnItsWayToAStreamThatIsOverIsIgnored) {
  say(post(1));
  one.framer.reset(*one.streams.at(1), Code::cancel);
  say(data(1, "x"));
  expect_reset(1, Code::cancel);
  say(data(1, "x") + code_frame(FrameType::window_update, 1, 1) +
      frame(FrameType::headers, 5, 1, kBlock) + code_frame(FrameType::rst_stream, 1, 8));
  EXPECT_EQ(one.seen[1].body, "");
  EXPECT_EQ(one.broken, ErrorCode::none);
  EXPECT_EQ(resets().size(), 0U);
}

// ---- windows

TEST_F(ServerFramer, WindowsAreGivenBackByHalves) {
  one.takes = false;
  say(post(1) + data(1, std::string(16'000, 'x')) + data(1, std::string(16'000, 'x')));
  one.framer.consume(*one.streams.at(1), 32'000);
  EXPECT_EQ(one.take(), "");
  say(data(1, std::string(1000, 'x')));
  one.framer.consume(*one.streams.at(1), 1000);
  EXPECT_EQ(one.take(), code_frame(FrameType::window_update, 1, 33'000));
  EXPECT_EQ(one.streams.at(1)->receive_window(), static_cast<int64_t>(limits::kWindow));
}

TEST_F(ServerFramer, PaddingIsGivenBackByItself) {
  one.takes = false;
  say(post(1));
  const std::string padded(1, '\xff');
  for (int i = 0; i < 129; ++i) {
    say(data(1, padded + "x" + std::string(255, '\0'), kPadded));
  }
  EXPECT_EQ(one.take(), code_frame(FrameType::window_update, 1, 128 * 256));
}

TEST_F(ServerFramer, ShutWindowOfTheConnectionHoldsUpBodiesAndNotEnds) {
  say(frame(FrameType::settings, 0, 0, setting(4, 1 << 20)) + get(1) + get(3));
  one.answer(1, {{":status", "200"}}, End::no);
  one.answer(3, {{":status", "200"}}, End::no);
  one.body(1, std::string(100'000, 'x'), End::yes);
  one.take();
  EXPECT_EQ(one.framed, kDefaultWindow);
  one.body(3, "", End::yes);
  one.take();
  EXPECT_TRUE(one.seen[3].closed);
  say(code_frame(FrameType::window_update, 0, 1 << 20));
  one.take();
  EXPECT_TRUE(one.seen[1].closed);
  EXPECT_EQ(one.framed, 100'000U);
}

TEST_F(ServerFramer, WindowMayBecomeNegative) {  // RFC 9113 6.9.2
  say(get(1));
  one.answer(1, {{":status", "200"}}, End::no);
  one.body(1, std::string(65'535 + 10, 'x'), End::no);
  one.take();
  say(code_frame(FrameType::window_update, 0, 1 << 20) +
      frame(FrameType::settings, 0, 0, setting(4, 1000)));
  EXPECT_EQ(one.streams.at(1)->send_window(), 1000 - 65'535);
  say(code_frame(FrameType::window_update, 1, 65'535 - 1000));
  one.take();
  EXPECT_EQ(one.framed, 65'535U);
  say(code_frame(FrameType::window_update, 1, 1));
  one.take();
  EXPECT_EQ(one.framed, 65'536U);
}

// ---- ends

TEST_F(ServerFramer, ResetBehindTheBodyLetsItOut) {
  say(get(1));
  one.answer(1, {{":status", "200"}}, End::no);
  one.body(1, "the rest", End::yes);
  one.framer.reset_behind_body(*one.streams.at(1), Code::internal_error);
  const std::string sent = one.take();
  EXPECT_NE(sent.find(data(1, "the rest")), std::string::npos) << "no END_STREAM";
  EXPECT_EQ(sent.substr(sent.size() - 13), code_frame(FrameType::rst_stream, 1, 2));
}

TEST_F(ServerFramer, ShutDownLetsStreamsEnd) {
  say(get(1));
  one.framer.announce_shutdown();
  EXPECT_FALSE(one.framer.is_over());
  say(get(3));
  one.framer.shut_down();
  say(get(5));
  EXPECT_EQ(one.seen.count(5), 0U) << "it came too late";
  EXPECT_FALSE(one.framer.is_over());
  one.answer(1, {{":status", "204"}}, End::yes);
  one.answer(3, {{":status", "204"}}, End::yes);
  one.take();
  EXPECT_TRUE(one.framer.is_over());
}

TEST_F(ServerFramer, NothingIsSaidBehindTheEnd) {
  say(get(1));
  one.answer(1, {{":status", "200"}}, End::no);
  one.framer.terminate(Code::no_error);
  one.take();
  one.body(1, "x", End::yes);
  one.framer.ping();
  one.framer.shut_down();
  say(get(3));
  EXPECT_EQ(one.take(), "");
  EXPECT_EQ(one.seen.count(3), 0U);
}

}  // namespace
}  // namespace pingap::http::h2
