#include "http/h2/frame_reader.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "http/h2/test_frames.h"

namespace pingap::http::h2 {
namespace {

using Token = FrameReader::Token;

// What was read, as text: one line for each frame; pieces of a body are put together.
class Reading {
 public:
  explicit Reading(FrameReader::Preface preface = FrameReader::Preface::none) : reader(preface) {}

  void read(std::string_view in) {
    for (;;) {
      const Token token = reader.next(in);
      if (token == Token::more || broken) {
        return;
      }
      note(token);
    }
  }

  FrameReader reader;
  std::string seen;
  bool broken = false;

 private:
  void note(Token token) {
    switch (token) {
      case Token::header:
        seen += std::to_string(static_cast<int>(reader.header().type)) + "/" +
                std::to_string(reader.header().stream) + ":";
        return;
      case Token::frame:
        seen.append(reader.payload()) += "\n";
        return;
      case Token::body:
        seen += reader.payload();
        return;
      case Token::body_end:
        seen += "+" + std::to_string(reader.padding()) + (reader.had_body() ? "\n" : "!\n");
        return;
      case Token::bad_padding:
      case Token::bad_preface:
        broken = true;
        return;
      case Token::more:
        return;
    }
  }
};

const std::string kFrames = frame(FrameType::settings, 0, 0, "") +
                            frame(FrameType::headers, kEndHeaders, 1, "a block") +
                            frame(FrameType::data, 0, 1, "a body") +
                            frame(FrameType::data, kPadded, 3, std::string("\3body\0\0\0", 8)) +
                            frame(FrameType::data, kPadded | kEndStream, 5, std::string(1, '\0')) +
                            frame(FrameType::data, 0, 7, "") +
                            frame(FrameType{0xee}, 0xff, 0x7fffffff, std::string(3000, 'x'));
const std::string kSeen =
    "4/0:\n1/1:a block\n0/1:a body+0\n0/3:body+4\n0/5:+1!\n0/7:+0!\n238/2147483647:" +
    std::string(3000, 'x') + "\n";

TEST(FrameReader, CutsFrames) {
  Reading reading;
  reading.read(kFrames);
  EXPECT_EQ(reading.seen, kSeen);
}

TEST(FrameReader, ReadsTheSameWhereverItIsCut) {
  for (size_t cut = 0; cut <= 200; ++cut) {
    Reading reading;
    reading.read(std::string_view(kFrames).substr(0, cut));
    reading.read(std::string_view(kFrames).substr(cut));
    ASSERT_EQ(reading.seen, kSeen) << cut;
  }
  Reading reading;
  for (const char byte : kFrames) {
    reading.read({&byte, 1});
  }
  EXPECT_EQ(reading.seen, kSeen);
}

TEST(FrameReader, WholePayloadsAreNotCopied) {
  FrameReader reader(FrameReader::Preface::none);
  const std::string text = frame(FrameType::ping, 0, 0, "12345678");
  std::string_view in = text;
  EXPECT_EQ(reader.next(in), Token::header);
  EXPECT_EQ(reader.next(in), Token::frame);
  EXPECT_EQ(reader.payload().data(), text.data() + kFrameHeader);
}

TEST(FrameReader, PaddingThatIsLongerThanTheFrameIsNone) {
  for (const std::string_view payload : {std::string_view(), std::string_view("\x02x"),
                                         std::string_view("\x01"), std::string_view("\xffx")}) {
    Reading reading;
    reading.read(frame(FrameType::data, kPadded, 1, payload));
    EXPECT_TRUE(reading.broken);
  }
}

TEST(FrameReader, TellsOfHalfAFrame) {
  Reading reading;
  const std::string head = frame(FrameType::headers, 0, 1, "a block");
  reading.read(head.substr(0, kFrameHeader));
  EXPECT_TRUE(reading.reader.awaits_rest_of(FrameType::headers));
  EXPECT_FALSE(reading.reader.awaits_rest_of(FrameType::ping));
  reading.read(head.substr(kFrameHeader));
  EXPECT_FALSE(reading.reader.awaits_rest_of(FrameType::headers));
}

TEST(FrameReader, PrefaceComesFirst) {
  for (size_t cut = 0; cut <= kTestPreface.size(); ++cut) {
    Reading reading(FrameReader::Preface::expected);
    reading.read(kTestPreface.substr(0, cut));
    reading.read(std::string(kTestPreface.substr(cut)) + kFrames);
    ASSERT_EQ(reading.seen, kSeen) << cut;
  }
}

TEST(FrameReader, OtherWordsAreNoPreface) {
  for (size_t at = 0; at < kTestPreface.size(); ++at) {
    std::string bad(kTestPreface);
    bad[at] = 'x';
    Reading reading(FrameReader::Preface::expected);
    reading.read(bad);
    EXPECT_TRUE(reading.broken) << at;
  }
}

}  // namespace
}  // namespace pingap::http::h2
