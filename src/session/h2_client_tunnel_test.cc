// WebSocket over HTTP/2 to a backend (RFC 8441).
#include "session/h2_client_fixture.h"

namespace pingap::session {
namespace {

using H2ClientTunnel = H2ClientSessionTest;

constexpr uint32_t kCancel = NGHTTP2_CANCEL;

std::string allowing_connect(uint32_t value) {
  return h2_greeting(h2_number(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 2) + h2_number(value, 4));
}

TEST_F(H2ClientTunnel, ATunnelIsAskedForWhenTheSettingsAllowIt) {
  start("");
  ClientSink& sink = ask("GET", Framing::tunnel);
  EXPECT_TRUE(H2Reader(link_.wire.written()).requests.empty()) << "not known yet";
  link_.say(allowing_connect(1));
  H2Reader reader(link_.wire.written());
  EXPECT_TRUE(reader.requests[1].start.starts_with("CONNECT /"));
  EXPECT_FALSE(reader.requests[1].whole);
  link_.say(head(1, "content-length: 5\r\n") + h2_data(1, "ping", End::no));
  EXPECT_EQ(sink.status, 200);
  EXPECT_EQ(sink.framing, Framing::tunnel);
  EXPECT_EQ(sink.body, "ping");
  sink.send_body("pong", End::yes);
  link_.settle();
  EXPECT_EQ(body_written(1), 4U);
  EXPECT_FALSE(sink.closed);
  link_.say(h2_data(1, "bye", End::yes));
  expect_answered(sink, "pingbye");
}

TEST_F(H2ClientTunnel, NoTunnelWhereTheSettingsDoNotAllowIt) {
  start("");
  ClientSink& early = ask("GET", Framing::tunnel);
  link_.say(allowing_connect(0));
  EXPECT_EQ(early.why.code, ErrorCode::upstream_bad_upgrade);
  ClientSink& late = ask("GET", Framing::tunnel);
  link_.pass(1s);
  EXPECT_EQ(late.why.code, ErrorCode::upstream_bad_upgrade);
  EXPECT_TRUE(H2Reader(link_.wire.written()).requests.empty());
  EXPECT_TRUE(session_->idle());
}

TEST_F(H2ClientTunnel, SettingsThatDoNotComeAreWaitedForInVain) {
  start("");
  ClientSink& sink = ask("GET", Framing::tunnel);
  link_.pass(settings_.read_timeout);
  EXPECT_EQ(sink.why.code, ErrorCode::upstream_timeout);
}

TEST_F(H2ClientTunnel, ATunnelThatWaitsCanBeGivenUp) {
  start("");
  ClientSink& sink = ask("GET", Framing::tunnel);
  sink.reset();
  link_.say(allowing_connect(1));
  EXPECT_TRUE(H2Reader(link_.wire.written()).requests.empty());
}

TEST_F(H2ClientTunnel, AnythingButSuccessIsAnAnswerAndEndsTheRequest) {
  start(allowing_connect(1));
  ClientSink& sink = ask("GET", Framing::tunnel);
  link_.say(h2_frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, h2_field(":status", "403")) +
            h2_data(1, "no", End::yes));
  EXPECT_EQ(sink.status, 403);
  EXPECT_NE(sink.framing, Framing::tunnel);
  expect_answered(sink, "no");
  EXPECT_TRUE(H2Reader(link_.wire.written()).requests[1].whole);
}

TEST_F(H2ClientTunnel, AResetOfATunnelIsToldAlsoBehindItsEnd) {
  start(allowing_connect(1));
  ClientSink& sink = ask("GET", Framing::tunnel);
  link_.say(head(1) + h2_data(1, "bye", End::yes));
  EXPECT_TRUE(sink.whole);
  EXPECT_FALSE(sink.closed);
  link_.say(rst(1, kCancel));
  EXPECT_EQ(sink.why.code, ErrorCode::upstream_reset);
  ClientSink& other = ask("GET", Framing::tunnel);
  link_.say(head(3) + rst(3, kCancel));
  EXPECT_EQ(other.why.code, ErrorCode::upstream_truncated);
}

TEST_F(H2ClientTunnel, ATunnelThatHasEndedIsNotCutWhenItIsLetGo) {
  start(allowing_connect(1));
  ClientSink& sink = ask("GET", Framing::tunnel);
  link_.say(head(1) + h2_data(1, "bye", End::yes));
  sink.send_body("bye", End::yes);
  sink.reset(ErrorCode::none);
  link_.settle();
  EXPECT_TRUE(H2Reader(link_.wire.written()).requests[1].whole);
  EXPECT_EQ(body_written(1), 3U);
  EXPECT_EQ(reset_of(1), uint32_t{NGHTTP2_NO_ERROR});
  EXPECT_TRUE(session_->idle());
}

TEST_F(H2ClientTunnel, ATunnelIsIdleOnlyWithoutTrafficInEitherDirection) {
  start(allowing_connect(1));
  ClientSink& sink = ask("GET", Framing::tunnel);
  link_.say(head(1));
  for (int i = 0; i < 3; ++i) {
    link_.pass(settings_.tunnel_timeout - 1s);
    link_.say(h2_data(1, "x", End::no));
    link_.pass(settings_.tunnel_timeout - 1s);
    sink.send_body("y", End::no);
    link_.settle();
  }
  EXPECT_FALSE(sink.closed);
  link_.pass(settings_.tunnel_timeout);
  EXPECT_EQ(sink.why.code, ErrorCode::tunnel_idle);
  EXPECT_EQ(reset_of(1), kCancel);
}

TEST_F(H2ClientTunnel, FieldsWithinATunnelAreAFault) {
  start(allowing_connect(1));
  ClientSink& sink = ask("GET", Framing::tunnel);
  link_.say(head(1) + h2_frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM,
                               1, h2_field("a", "b")));
  EXPECT_EQ(sink.why.code, ErrorCode::upstream_bad_framing);
}

}  // namespace
}  // namespace pingap::session
