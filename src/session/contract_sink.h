// The sink of a test: keeps what it is told, does what the test wants inside the callbacks, and
// fails the test when a law of http/stream.h is broken. Tests only.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/pipe.h"
#include "http/limits.h"
#include "http/stream.h"

namespace pingap {

inline void PrintTo(ErrorCode code, std::ostream* out) {  // NOLINT: the name is GoogleTest's
  *out << to_string(code);
}

}  // namespace pingap

namespace pingap::session::contract {

using Hook = std::function<void()>;  // runs inside the callback that it is named after, once

inline void run(Hook& hook) {
  if (Hook once = std::exchange(hook, nullptr)) {
    once();  // which may set the hook again
  }
}

// What both sides have. `Base` is the sink's interface, `StreamType` what it answers with.
template <class Base, class StreamType>
class Sink : public Base {
 public:
  StreamType* stream = nullptr;
  std::string fields;  // of the head, a line each; of trailers the same
  std::string body;
  std::string trailers;
  bool whole = false;  // the message ended
  bool closed = false;
  Error why;
  size_t sent = 0;     // of `given`
  size_t given = 0;    // body bytes that the stream was given
  bool loses = false;  // the peer stopped to read, so that they are not all sent
  bool hold = false;   // keep the window; else every byte is given back at once
  size_t held = 0;     // body bytes not given back
  Hook at_head;
  Hook at_body;
  Hook at_trailers;
  Hook at_sent;
  Hook at_closed;

  void release(size_t bytes) {
    ASSERT_LE(bytes, held);
    held -= bytes;
    stream->release_window(bytes);
  }

  void release_all() { release(held); }

  void send_body(std::string_view bytes, End end) {
    ByteQueue data;
    data.append(bytes);
    given += bytes.size();
    stream->send_body(data, end);
    EXPECT_TRUE(data.empty()) << "a sender takes every byte";
  }

  // Puts `bytes` into the pipe first, as the session at the other end would.
  void send_piped(Pipe& pipe, std::string_view bytes, End end) {
    ASSERT_EQ(::write(pipe.write_end(), bytes.data(), bytes.size()),
              static_cast<ssize_t>(bytes.size()));
    pipe.filled(bytes.size());
    given += bytes.size();
    stream->send_piped(pipe, bytes.size(), end);
  }

  void send_trailers(std::string_view name, std::string_view value) {
    http::Field room[1];
    http::HeaderMap map{std::span(room)};
    map.add(name, value);
    stream->send_trailers(map);
  }

  void reset(ErrorCode code = ErrorCode::shutting_down) {
    over_ = true;
    stream->reset(code);
  }

  bool over() const { return over_; }

  const std::vector<ChunkRef>& kept() const { return kept_; }

  // http::BodySink
  void on_body(ByteQueue& data, End end) noexcept override {
    expect_open("on_body");
    EXPECT_TRUE(head_seen_) << "a body before its head";
    EXPECT_FALSE(whole) << "a body behind its end";
    EXPECT_TRUE(!data.empty() || end == End::yes) << "on_body of nothing";
    EXPECT_TRUE(data.empty() || held < http::limits::kWindow) << "more than the window";
    held += data.size();
    for (; !data.empty(); data.consume(data.front().size())) {
      body += data.front();
    }
    whole = end == End::yes;
    run(at_body);
    if (!hold && !over_ && held > 0) {
      release_all();
    }
  }

  void on_piped(size_t bytes, End end) noexcept override {
    expect_open("on_piped");
    held += bytes;
    whole = end == End::yes;
  }

  void on_trailers(http::HeaderMap& map) noexcept override {
    expect_open("on_trailers");
    EXPECT_FALSE(whole) << "trailers behind the end";
    trailers = lines(map);
    whole = true;
    run(at_trailers);
  }

  void on_sent(size_t bytes) noexcept override {
    expect_open("on_sent");
    EXPECT_GT(bytes, 0U);
    sent += bytes;
    EXPECT_LE(sent, given) << "more was sent than given";
    run(at_sent);
  }

  void on_closed(const Error& error) noexcept override {
    expect_open("on_closed");
    over_ = true;
    closed = true;
    why = error;
    EXPECT_TRUE(error || loses || sent == given) << "closed well with bytes unsent";
    run(at_closed);
  }

 protected:
  ~Sink() = default;

  template <class Head>
  void take_head(const Head& head) {
    expect_open("on_head");
    EXPECT_TRUE(body.empty() && !whole) << "a head behind a body";
    if (head.storage) {
      kept_.push_back(head.storage);
    }
    fields = lines(head.headers);
  }

  void end_head(End end) {
    EXPECT_FALSE(head_seen_) << "two heads";
    head_seen_ = true;
    whole = end == End::yes;
    run(at_head);
  }

  void expect_open(const char* what) const {
    EXPECT_FALSE(over_) << what << " behind the end of the stream";
  }

 private:
  static std::string lines(const http::HeaderMap& map) {
    std::string all;
    for (const http::Field& field : map.fields()) {
      all.append(field.name()).append(": ").append(field.value()).append("\n");
    }
    return all;
  }

  bool head_seen_ = false;
  bool over_ = false;  // on_closed, or reset: nothing may come
  std::vector<ChunkRef> kept_;
};

// The sink of a request.
class ServerSink final : public Sink<http::RequestSink, http::ServerStream> {
 public:
  std::string method;
  http::Framing framing = http::Framing::none;
  ErrorCode refused = ErrorCode::none;
  Hook at_refused;

  void on_head(http::RequestHead& head, End end) noexcept override {
    take_head(head);
    method = head.method_text;
    framing = head.framing;
    end_head(end);
  }

  void on_refused(ErrorCode code, std::string_view /*head*/) noexcept override {
    expect_open("on_refused");
    EXPECT_EQ(refused, ErrorCode::none) << "refused twice";
    refused = code;
    run(at_refused);
  }

  void send_head(int status, http::Framing with, size_t length = 0, End end = End::no) {
    http::ResponseHead head;
    head.status = static_cast<uint16_t>(status);
    head.framing = with;
    head.content_length = length;
    head.has_content_length = with == http::Framing::length;
    if (with == http::Framing::tunnel) {
      head.websocket = true;
      whole = false;  // what the client says from here on is the body
    }
    stream->send_head(head, end);
  }

  void send_interim(int status) {
    http::ResponseHead head;
    head.status = static_cast<uint16_t>(status);
    stream->send_interim(head);
  }

  // A whole answer.
  void answer(std::string_view text, int status = 200) {
    send_head(status, http::Framing::length, text.size(), text.empty() ? End::yes : End::no);
    if (!text.empty()) {
      send_body(text, End::yes);
    }
  }
};

// The sink of a response.
class ClientSink final : public Sink<http::ResponseSink, http::ClientStream> {
 public:
  int connected = 0;
  int status = 0;
  std::vector<int> interim;
  http::Framing framing = http::Framing::none;
  Hook at_connected;
  Hook at_interim;

  void on_connected() noexcept override {
    expect_open("on_connected");
    ++connected;
    run(at_connected);
  }

  void on_head(http::ResponseHead& head, End end) noexcept override {
    take_head(head);
    if (head.status < 200 && head.status != 101) {
      EXPECT_EQ(status, 0) << "1xx behind the final head";
      EXPECT_EQ(end, End::no);
      interim.push_back(head.status);
      run(at_interim);
      return;
    }
    status = head.status;
    framing = head.framing;
    end_head(end);
  }

  void send_head(std::string_view method, http::Framing with, size_t length = 0) {
    http::RequestHead head;
    head.method = http::parse_method(method);
    head.method_text = method;
    head.framing = with;
    head.content_length = length;
    head.websocket = with == http::Framing::tunnel;
    head.target = "/";
    head.authority = "a.test";
    const bool more = with == http::Framing::chunked || length > 0;
    stream->send_head(head, more ? End::no : End::yes);
  }
};

// The session has given up the memory of all that it delivered: only the sinks have it.
template <class Sinks>
bool buffers_are_free(const Sinks& sinks) {
  std::map<const Chunk*, uint32_t> ours;
  for (const auto& sink : sinks) {
    for (const ChunkRef& chunk : sink.kept()) {
      ++ours[chunk.get()];
    }
  }
  return std::ranges::all_of(ours,
                             [](const auto& chunk) { return chunk.first->refs == chunk.second; });
}

}  // namespace pingap::session::contract
