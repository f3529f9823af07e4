// The step in front of a connection from a proxy: over a connection in memory, at every cut.
#include "session/proxy_header_session.h"

#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "net/memory_transport.h"

namespace pingap::session {
namespace {

constexpr std::string_view kHeader = "PROXY TCP4 192.0.2.1 10.0.0.1 4660 80\r\n";
constexpr std::string_view kRequest = "GET / HTTP/1.1\r\n\r\n";

class ProxyHeader : public testing::Test, public RequestAcceptor {
 protected:
  ProxyHeader() {
    settings_.header_timeout = std::chrono::seconds(5);
    auto transport = std::make_unique<net::MemoryTransport>(wire_);
    session_ = new ProxyHeaderSession(*loop_, std::move(transport),
                                      Peer(*net::Address::parse("10.1.2.3:5")), settings_, *this);
    EXPECT_TRUE(session_->start());
  }

  ~ProxyHeader() override {
    if (!ended_) {
      session_->abort();
    }
    turn();
  }

  http::RequestSink& on_new_stream(http::ServerStream& /*stream*/,
                                   ServerSession& /*session*/) noexcept override {
    std::abort();  // it has no streams
  }

  void on_proxy_header(ServerSession& session, std::unique_ptr<net::Transport> transport,
                       const Peer& client) noexcept override {
    EXPECT_EQ(&session, session_);
    EXPECT_FALSE(client_.has_value());
    client_ = client;
    transport_ = std::move(transport);
  }

  void on_turned_away(ServerSession& /*session*/, ErrorCode why) noexcept override { why_ = why; }

  void on_session_closed(ServerSession& /*session*/) noexcept override { ended_ = true; }

  void say(std::string_view bytes) {
    wire_.say(bytes);
    tell();
  }

  void tell() {
    if (!ended_) {
      session_->on_io(wire_.ready());
    }
  }

  void turn() { loop_->run_once_at(now_); }

  void pass(Duration time) {
    now_ += time;
    turn();
  }

  std::string client() {
    return client_ ? std::string(client_->text()) + " " + std::to_string(client_->port()) : "";
  }

  std::unique_ptr<net::EventLoop> loop_ = *net::EventLoop::create();
  TimePoint now_ = loop_->now();
  net::MemoryWire wire_;
  ServerSettings settings_;
  ProxyHeaderSession* session_;
  std::optional<Peer> client_;
  std::unique_ptr<net::Transport> transport_;
  ErrorCode why_ = ErrorCode::none;
  bool ended_ = false;
};

TEST_F(ProxyHeader, HandsOverWithTheRequestStillInTheSocket) {
  say(std::string(kHeader) + std::string(kRequest));
  EXPECT_EQ(client(), "192.0.2.1 4660");
  EXPECT_TRUE(ended_);
  EXPECT_EQ(wire_.unread(), kRequest.size());
  EXPECT_FALSE(wire_.closed());
}

TEST_F(ProxyHeader, ComesByteByByte) {
  for (const char& byte : kHeader) {
    EXPECT_FALSE(ended_);
    say({&byte, 1});
  }
  EXPECT_EQ(client(), "192.0.2.1 4660");
  EXPECT_EQ(wire_.unread(), 0U);
}

TEST_F(ProxyHeader, WithoutAnAddressThePeerStays) {
  say("PROXY UNKNOWN\r\n");
  EXPECT_EQ(client(), "10.1.2.3 5");
}

TEST_F(ProxyHeader, BadOneClosesWithoutAnAnswer) {
  say(kRequest);
  EXPECT_TRUE(ended_);
  EXPECT_EQ(why_, ErrorCode::bad_proxy_header);
  EXPECT_TRUE(wire_.closed());
  EXPECT_EQ(wire_.written(), "");
}

TEST_F(ProxyHeader, EndWithinItIsAFault) {
  wire_.say(kHeader.substr(0, 10));
  wire_.fin();
  tell();
  EXPECT_TRUE(ended_);
  EXPECT_EQ(why_, ErrorCode::bad_proxy_header);
}

TEST_F(ProxyHeader, EndBehindItIsNone) {
  wire_.say(kHeader);
  wire_.fin();
  tell();
  EXPECT_EQ(client(), "192.0.2.1 4660");
  EXPECT_EQ(why_, ErrorCode::none);
}

TEST_F(ProxyHeader, ConnectionWithoutAByteEndsSilently) {
  wire_.fin();
  tell();
  EXPECT_TRUE(ended_);
  EXPECT_EQ(why_, ErrorCode::none);
}

TEST_F(ProxyHeader, IsNotWaitedForLongerThanForAHead) {
  say(kHeader.substr(0, 10));
  pass(std::chrono::milliseconds(4900));
  EXPECT_FALSE(ended_);
  say(kHeader.substr(10, 1));  // the time does not start anew
  pass(std::chrono::milliseconds(200));
  EXPECT_TRUE(ended_);
  EXPECT_EQ(why_, ErrorCode::header_timeout);
}

TEST_F(ProxyHeader, SilenceEndsSilently) {
  pass(std::chrono::milliseconds(5100));
  EXPECT_TRUE(ended_);
  EXPECT_EQ(why_, ErrorCode::none);
}

TEST_F(ProxyHeader, DrainClosesWhatHasSaidNothing) {
  EXPECT_TRUE(session_->waiting());
  session_->drain();
  EXPECT_TRUE(ended_);
  EXPECT_TRUE(wire_.closed());
}

TEST_F(ProxyHeader, DrainTakesWhatIsThere) {
  wire_.say(kHeader);
  session_->drain();
  EXPECT_EQ(client(), "192.0.2.1 4660");
}

TEST_F(ProxyHeader, DrainWaitsForTheRest) {
  say(kHeader.substr(0, 10));
  EXPECT_FALSE(session_->waiting());
  session_->drain();
  EXPECT_FALSE(ended_);
  say(kHeader.substr(10));
  EXPECT_EQ(client(), "192.0.2.1 4660");
}

TEST_F(ProxyHeader, AbortCloses) {
  say(kHeader.substr(0, 10));
  session_->abort();
  EXPECT_TRUE(ended_);
  EXPECT_TRUE(wire_.closed());
}

}  // namespace
}  // namespace pingap::session
