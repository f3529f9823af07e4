// A framer whose events are written down, for tests. Tests only.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "http/h2/framer.h"
#include "http/h2/test_stream.h"

namespace pingap::http::h2 {

// As a session does it: it keeps the streams, and ends the connection when it is told to.
class TestFramer final : public FramerEvents {
 public:
  using Fields = std::vector<std::pair<std::string, std::string>>;

  // What came on a stream, and how it ended.
  struct Seen {
    Fields head;
    Fields trailers;
    std::string body;
    bool whole = false;
    bool malformed = false;
    bool closed = false;
    Code code = Code::no_error;
  };

  TestFramer(Role role, uint32_t most) : framer(role, *this, out, most) {}

  // All that is to be sent, taken.
  std::string take() {
    std::string all;
    do {
      framer.write();
      while (!out.empty()) {
        all += out.front();
        out.consume(out.front().size());
      }
      framer.on_answers_taken();
    } while (framer.has_room() && waits());
    return all;
  }

  int32_t ask(const Fields& fields, End end) {
    auto stream = std::make_unique<TestStream>();
    if (!framer.open(*stream, views(fields), Message::Request::other, end)) {
      return 0;
    }
    const int32_t id = stream->id();
    streams[id] = std::move(stream);
    return id;
  }

  void answer(int32_t id, const Fields& fields, End end) {
    framer.send_head(*streams.at(id), views(fields), end);
  }

  void body(int32_t id, std::string_view text, End end) {
    ByteQueue data;
    data.append(text);
    framer.send_body(*streams.at(id), data, end);
  }

  static std::vector<FieldView> views(const Fields& fields) {
    std::vector<FieldView> all;
    for (const auto& [name, value] : fields) {
      all.push_back({hpack::identify(name), value});
    }
    return all;
  }

  // FramerEvents
  void on_frame(const FrameHeader& /*header*/) noexcept override { ++frames; }

  FramedStream& on_request(int32_t id) noexcept override {
    streams[id] = std::make_unique<TestStream>(id);
    return *streams[id];
  }

  void on_head_begun(FramedStream& /*stream*/) noexcept override { fields_.clear(); }

  void on_field(const hpack::DecodedField& field) noexcept override {
    fields_.emplace_back(field.name.text, field.value);
  }

  void on_head(FramedStream& stream, Section section, End end) noexcept override {
    Seen& one = seen[stream.id()];
    (section == Section::head ? one.head : one.trailers) = fields_;
    one.whole = end == End::yes;
  }

  void on_malformed_head(FramedStream& stream) noexcept override {
    seen[stream.id()].malformed = true;
  }

  void on_body(FramedStream& stream, std::string_view bytes) noexcept override {
    seen[stream.id()].body += bytes;
    if (takes) {
      framer.consume(stream, bytes.size());
    }
  }

  void on_body_end(FramedStream& stream) noexcept override { seen[stream.id()].whole = true; }

  void on_empty_data() noexcept override { ++empties; }

  void on_reset(FramedStream* /*stream*/, Code /*code*/) noexcept override { ++resets; }

  void on_window_update(uint32_t /*increment*/, int64_t /*window*/) noexcept override {}

  void on_settings() noexcept override {}

  void on_settings_ack() noexcept override { ++acks; }

  void on_ping() noexcept override { ++pings; }

  void on_goaway() noexcept override { ++goaways; }

  void on_framed(FramedStream& /*stream*/, size_t bytes) noexcept override { framed += bytes; }

  void on_end_sent(FramedStream& /*stream*/) noexcept override {}

  void on_reset_sent(FramedStream* stream, Code /*code*/) noexcept override {
    refused += stream == nullptr ? 1 : 0;
  }

  void on_stream_closed(FramedStream& stream, Code code) noexcept override {
    Seen& one = seen[stream.id()];
    one.closed = true;
    one.code = code;
    streams.erase(stream.id());
  }

  void on_broken(ErrorCode why, Code code) noexcept override {
    broken = why;
    broken_code = code;
    framer.terminate(code);
  }

  ByteQueue out;
  Framer framer;
  std::map<int32_t, std::unique_ptr<TestStream>> streams;
  std::map<int32_t, Seen> seen;
  ErrorCode broken = ErrorCode::none;
  Code broken_code = Code::no_error;
  bool takes = true;  // gives windows back at once
  int frames = 0;
  int empties = 0;
  int resets = 0;
  int acks = 0;
  int pings = 0;
  int goaways = 0;
  int refused = 0;
  size_t framed = 0;

 private:
  // Something was made since: there may be more.
  bool waits() {
    framer.write();
    return !out.empty();
  }

  Fields fields_;
};

}  // namespace pingap::http::h2
