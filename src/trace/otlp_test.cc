// What is in a batch is looked at by tests/test_tracing.py, with real messages; here is what does
// not come up there.
#include "trace/otlp.h"

#include <string>

#include <gtest/gtest.h>

namespace pingap::trace {
namespace {

struct Request {
  RecordHead head;
  Texts texts;
  RequestTrace trace;
  std::array<Try, RequestTrace::kMaxTries> tries;
  std::array<Event, RequestTrace::kMaxEvents> events;
};

std::string record_of(const Request& request) {
  std::string bytes(record_size(request.texts, request.trace), '\0');
  write_record(request.head, request.texts, request.trace, TimePoint{}, bytes.data());
  return bytes;
}

std::string spans_of(const Request& request) {
  Bytes out;
  append_spans(record_of(request).data(), out);
  return std::string(out.view());
}

// With all lists full and all texts as long as they may be.
void fill(Request& request) {
  static const std::string kLong(2 * kMaxText, 'x');
  for (size_t i = 0; i < kTexts; ++i) {
    set_text(request.texts, static_cast<Text>(i), kLong);
  }
  for (Try& one : request.tries) {
    one.endpoint = kLong;
    one.start = one.sent = one.first_byte = one.end = TimePoint(Duration(1));
    one.why = ErrorCode::upstream_certificate;
    one.status = 599;
    request.trace.add(one);
  }
  for (Event& one : request.events) {
    one.name = one.plugin = kLong;
    request.trace.add(one);
  }
  request.head.status = 599;
  request.head.reason = ErrorCode::upstream_too_many_interim;
}

TEST(Record, IsReadAsItWasWritten) {
  Request request;
  fill(request);
  const std::string bytes = record_of(request);
  EXPECT_EQ(bytes.size() % 8, 0U);
  RecordReader reader(bytes.data());
  EXPECT_EQ(reader.head().size, bytes.size());
  EXPECT_EQ(reader.head().tries, RequestTrace::kMaxTries);
  EXPECT_EQ(reader.text(Text::to_target).size(), kMaxText);
  for (size_t i = 0; i < RequestTrace::kMaxTries; ++i) {
    EXPECT_EQ(reader.next_try().endpoint.size(), kMaxText);
  }
  for (size_t i = 0; i < RequestTrace::kMaxEvents; ++i) {
    EXPECT_EQ(reader.next_event().plugin.size(), kMaxText);
  }
}

TEST(Otlp, HasRoomForTheLongestRecord) {
  Request request;
  fill(request);
  const std::string spans = spans_of(request);
  EXPECT_GT(spans.size(), (RequestTrace::kMaxTries + 1) * 4 * kMaxText);
  EXPECT_NE(spans.find("upstream_certificate"), std::string::npos);
}

TEST(Otlp, WritesMessagesOfAnySize) {
  for (const size_t size : {0U, 1U, 100U, 126U, 127U, 128U, 129U, 16'383U, 16'384U, 20'000U}) {
    std::string out(size + 10, '\0');
    const pb::Message message(1, out.data());
    char* to = message.begin();
    std::memset(to, 'x', size);
    out.resize(static_cast<size_t>(message.end(to + size) - out.data()));
    std::string wanted(10, '\0');
    char* end = pb::put_varint(size, pb::put_tag(1, pb::Wire::bytes, wanted.data()));
    wanted.resize(static_cast<size_t>(end - wanted.data()));
    EXPECT_EQ(out, wanted + std::string(size, 'x')) << size;
  }
}

TEST(Otlp, ReadsWhatTheCollectorSays) {
  EXPECT_EQ(read_export_answer("").rejected, 0U);
  const std::string partial("\x08\x96\x01\x12\x03old", 8);
  const ExportAnswer answer =
      read_export_answer(std::string("\x0a") + static_cast<char>(partial.size()) + partial);
  EXPECT_EQ(answer.rejected, 150U);
  EXPECT_EQ(answer.message, "old");
}

TEST(Otlp, SurvivesAnswersThatAreNone) {
  for (const std::string& bytes :
       {std::string("\x0a\xff"), std::string("\x0a\x05\x08"), std::string(20, '\xff'),
        std::string("\x0b"), std::string("\x09\x01"), std::string("<html>")}) {
    EXPECT_EQ(read_export_answer(bytes).rejected, 0U);
  }
}

}  // namespace
}  // namespace pingap::trace
