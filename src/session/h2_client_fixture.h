// A connection of HTTP/2 to a scripted backend, for the tests of H2ClientSession. Tests only.
#pragma once

#include <deque>

#include "http/limits.h"
#include "session/contract_h2_client.h"
#include "session/contract_sink.h"
#include "session/h2_client_session.h"

namespace pingap::session {

using namespace contract;  // NOLINT(google-build-using-namespace)
using http::Framing;
using http::limits::kWindow;

class H2ClientSessionTest : public ::testing::Test, private ClientSessionOwner {
 protected:
  void start(std::string_view greeting, bool connecting = false, uint32_t max_streams = 100) {
    session_ = new H2ClientSession(link_.loop(), link_.transport(), settings_, *this, max_streams);
    ASSERT_TRUE(session_->start(connecting));
    link_.session = session_;
    link_.wire.say(greeting);
    if (!connecting) {
      link_.event();
    }
  }

  void TearDown() override {
    if (!gone_) {
      session_->close();
    }
    link_.settle();
    EXPECT_TRUE(gone_ && link_.wire.closed());
    for (const ClientSink& sink : sinks_) {
      EXPECT_TRUE(sink.over());
    }
    EXPECT_TRUE(buffers_are_free(sinks_));
  }

  // The next request; streams are 1, 3, 5, ...
  ClientSink& ask(std::string_view method = "GET", Framing framing = Framing::none,
                  size_t length = 0) {
    ClientSink& sink = sinks_.emplace_back();
    sink.stream = &session_->open(sink, settings_);
    sink.send_head(method, framing, length);
    link_.settle();
    return sink;
  }

  static std::string head(uint32_t id, std::string_view fields = {}, End end = End::no) {
    return h2_frame(NGHTTP2_HEADERS,
                    end == End::yes ? NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM
                                    : NGHTTP2_FLAG_END_HEADERS,
                    id, h2_field(":status", "200") + h2_fields(fields));
  }

  static std::string answer(uint32_t id, std::string_view text) {
    return head(id) + h2_data(id, text, End::yes);
  }

  static std::string rst(uint32_t id, uint32_t code) {
    return h2_frame(NGHTTP2_RST_STREAM, 0, id, h2_number(code, 4));
  }

  static std::string goaway(uint32_t last, uint32_t code = NGHTTP2_NO_ERROR) {
    return h2_frame(NGHTTP2_GOAWAY, 0, 0, h2_number(last, 4) + h2_number(code, 4));
  }

  static std::string limit(uint32_t streams) {
    return h2_greeting(h2_number(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 2) +
                       h2_number(streams, 4));
  }

  void expect_answered(const ClientSink& sink, std::string_view text) {
    EXPECT_EQ(sink.body, text);
    EXPECT_TRUE(sink.whole && sink.closed);
    EXPECT_FALSE(sink.why);
  }

  void expect_lost(const ClientSink& sink, ErrorCode code, Retry retry) {
    EXPECT_TRUE(sink.closed);
    EXPECT_EQ(sink.why.code, code);
    EXPECT_EQ(sink.why.retry, retry);
  }

  uint32_t reset_of(uint32_t id) {
    const H2Reader reader(link_.wire.written());
    const auto found = reader.resets.find(id);
    return found == reader.resets.end() ? uint32_t{NGHTTP2_NO_ERROR} : found->second;
  }

  size_t body_written(uint32_t id) {
    H2Reader reader(link_.wire.written());
    return reader.requests[id].body.size();
  }

  ClientSettings settings_{
      .connect_timeout = 10s,
      .read_timeout = 20s,
      .write_timeout = 30s,
      .idle_timeout = 40s,
      .tunnel_timeout = 50s,
  };
  Connection link_;
  H2ClientSession* session_ = nullptr;
  std::deque<ClientSink> sinks_;
  int freed_ = 0;
  bool gone_ = false;

 private:
  void on_session_free(ClientSession& /*session*/) noexcept override { ++freed_; }

  void on_session_gone(ClientSession& /*session*/) noexcept override { gone_ = true; }
};

// ---- many streams

}  // namespace pingap::session
