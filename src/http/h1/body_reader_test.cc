// The steps of the reader; chunked bodies, good and bad, stand in the tables of vectors_test.cc.
#include "http/h1/body_reader.h"

#include <array>
#include <string>

#include <gtest/gtest.h>

#include "http/limits.h"

namespace pingap::http::h1 {
namespace {

using Kind = BodyReader::Kind;

TEST(BodyReader, EndsAtOnceWhenThereIsNoBody) {
  BodyReader reader;
  reader.start(Framing::none, 0);
  EXPECT_EQ(reader.next({}).kind, Kind::end);
  EXPECT_EQ(reader.next("GET").kind, Kind::end);
  EXPECT_EQ(reader.next("GET").skip, 0U);
  reader.start(Framing::length, 0);
  EXPECT_EQ(reader.next({}).kind, Kind::end);
}

TEST(BodyReader, CountsALength) {
  BodyReader reader;
  reader.start(Framing::length, 5);
  EXPECT_EQ(reader.next({}).kind, Kind::need_more);
  EXPECT_EQ(reader.next("ab").size, 2U);
  EXPECT_EQ(reader.remaining(), 3U);
  const BodyReader::Step step = reader.next("cdeGET");
  EXPECT_EQ(step.kind, Kind::data);
  EXPECT_EQ(step.skip, 0U);
  EXPECT_EQ(step.size, 3U);
  EXPECT_EQ(reader.next("GET").kind, Kind::end);
  EXPECT_FALSE(reader.close_ends());
}

TEST(BodyReader, HearsOfBytesThatPassedInsideTheKernel) {
  BodyReader reader;
  reader.start(Framing::length, 1000);
  reader.advance(999);
  EXPECT_EQ(reader.remaining(), 1U);
  EXPECT_EQ(reader.next("xy").size, 1U);
  EXPECT_EQ(reader.next("y").kind, Kind::end);
  reader.start(Framing::until_close, 0);
  reader.advance(999);
  EXPECT_EQ(reader.remaining(), UINT64_MAX);
}

TEST(BodyReader, ReadsToTheEndOfTheConnection) {
  for (const Framing framing : {Framing::until_close, Framing::tunnel}) {
    BodyReader reader;
    reader.start(framing, 0);
    EXPECT_EQ(reader.next({}).kind, Kind::need_more);
    EXPECT_EQ(reader.next("abc").kind, Kind::data);
    EXPECT_TRUE(reader.close_ends());
    EXPECT_EQ(reader.remaining(), UINT64_MAX);
  }
}

TEST(BodyReader, TakesChunksApart) {
  BodyReader reader;
  reader.start(Framing::chunked, 0);
  std::string_view bytes = "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\nGET";
  BodyReader::Step step = reader.next(bytes);
  EXPECT_EQ(step.kind, Kind::data);
  EXPECT_EQ(step.skip, 3U);
  EXPECT_EQ(step.size, 3U);
  bytes.remove_prefix(6);
  step = reader.next(bytes);
  EXPECT_EQ(step.skip, 5U);
  EXPECT_EQ(step.size, 2U);
  bytes.remove_prefix(7);
  step = reader.next(bytes);
  EXPECT_EQ(step.kind, Kind::end);
  EXPECT_EQ(bytes.substr(step.skip), "GET");
  EXPECT_EQ(reader.next("GET").kind, Kind::end);
  EXPECT_EQ(reader.trailers(), "");
}

TEST(BodyReader, RemembersFramingThatWasCut) {
  BodyReader reader;
  reader.start(Framing::chunked, 0);
  EXPECT_EQ(reader.next("1").size, 1U);
  const BodyReader::Step step = reader.next("0\r\n");
  EXPECT_EQ(step.kind, Kind::need_more);
  EXPECT_EQ(step.size, 3U);
  EXPECT_EQ(reader.next("0123456789abcdefXX").size, 16U);
}

TEST(BodyReader, StaysFailed) {
  BodyReader reader;
  reader.start(Framing::chunked, 0);
  EXPECT_EQ(reader.next("x").error, ErrorCode::bad_chunk);
  EXPECT_EQ(reader.next("0\r\n\r\n").kind, Kind::failed);
  EXPECT_EQ(reader.next("0\r\n\r\n").error, ErrorCode::bad_chunk);
  reader.start(Framing::chunked, 0);
  EXPECT_EQ(reader.next("0\r\n\r\n").kind, Kind::end);
}

TEST(BodyReader, KeepsTrailersUntilTheNextBody) {
  BodyReader reader;
  reader.start(Framing::chunked, 0);
  EXPECT_EQ(reader.next("0\r\nA: b\r\nX-").kind, Kind::need_more);
  EXPECT_EQ(reader.next("C:d\r\n\r\n").kind, Kind::end);
  EXPECT_EQ(reader.trailers(), "A: b\r\nX-C:d\r\n");
  std::array<Field, 2> fields{};
  HeaderMap trailers(fields);
  ASSERT_TRUE(parse_trailers(reader.trailers(), trailers));
  EXPECT_EQ(trailers.get("a"), "b");
  EXPECT_EQ(trailers.get("x-c"), "d");
  reader.start(Framing::chunked, 0);
  EXPECT_EQ(reader.trailers(), "");
}

TEST(Trailers, AreRefusedWhenALineIsNoField) {
  for (const std::string_view section : {"A\r\n", "A: b", "A: b\r\n\r\n", "A: b\n", " A: b\r\n"}) {
    std::array<Field, 4> fields{};
    HeaderMap trailers(fields);
    EXPECT_FALSE(parse_trailers(section, trailers)) << section;
  }
  std::array<Field, 1> fields{};
  HeaderMap trailers(fields);
  EXPECT_FALSE(parse_trailers("A: b\r\nC: d\r\n", trailers));
}

}  // namespace
}  // namespace pingap::http::h1
