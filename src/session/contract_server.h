// The bench of the contract of server sessions: a connection, the session under test, and a sink
// for each of its streams. What holds whatever happened is looked at when it ends. Tests only.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "session/contract_bench.h"
#include "session/contract_protocols.h"
#include "session/contract_sink.h"

namespace pingap::session::contract {

class ServerBench : protected RequestAcceptor {
 public:
  explicit ServerBench(const NamedServer& named) : protocol(named.make()) {}

  virtual ~ServerBench() = default;

  // All different, so that a test sees which one it was.
  ServerSettings settings{
      .header_timeout = 10s,
      .keepalive_timeout = 20s,
      .body_timeout = 30s,
      .write_timeout = 40s,
      .tunnel_timeout = 50s,
  };
  Connection link;
  std::unique_ptr<ServerProtocol> protocol;
  Hook at_stream;  // set hooks of the new sink here

  void start() {
    link.session = &protocol->start(link.loop(), link.transport(), settings, *this);
    link.peer = [this] { return protocol->go_on(link.wire); };
    link.say(protocol->greeting());  // the loop tells at once that the socket can be written to
  }

  void finish() {
    if (link.session == nullptr) {
      return;  // left out
    }
    if (!gone_) {
      protocol->abort();
      link.settle();
    }
    EXPECT_TRUE(gone_) << "the session outlives its abort";
    EXPECT_TRUE(link.wire.closed()) << "the connection is never closed";
    EXPECT_FALSE(link.wire.misused()) << "something was written where nothing could be";
    for (const ServerSink& one : sinks_) {
      EXPECT_TRUE(one.over()) << "a stream that nobody told of its end";
    }
    EXPECT_TRUE(holds_no_buffer());
  }

  void ask(const Ask& request) { link.say(protocol->head(request)); }

  // GET, received whole.
  ServerSink& ask() {
    ask(Ask{});
    return sink();
  }

  // The head of an upload.
  ServerSink& upload(size_t length) {
    ask({.method = "POST", .body = Body::length, .length = length});
    return sink();
  }

  void body(std::string_view bytes, End end = End::no) { link.say(protocol->body(bytes, end)); }

  // An open tunnel.
  ServerSink& tunnel() {
    ask({.websocket = true});
    sink().send_head(101, http::Framing::tunnel);
    link.settle();
    return sink();
  }

  // The sink of the newest stream.
  ServerSink& sink() {
    EXPECT_FALSE(sinks_.empty());
    return sinks_.back();
  }

  // By number, from 0.
  ServerSink& sink(size_t index) { return sinks_.at(index); }

  const std::deque<ServerSink>& sinks() const { return sinks_; }

  size_t streams() const { return sinks_.size(); }

  bool gone() const { return gone_; }

  // The connection has come to its end: closed or, where the client is to read our last words
  // first, shut.
  void expect_left() {
    link.pass(protocol->notice());
    EXPECT_TRUE(gone_ || (protocol->multiplexes() && link.wire.shut()));
  }

  // A stream was reset, which ends a connection that has only one.
  void expect_stream_left() {
    if (!protocol->multiplexes()) {
      EXPECT_TRUE(gone_);
      return;
    }
    link.take_all();
    expect_reusable();
  }

  bool holds_no_buffer() const { return buffers_are_free(sinks_); }

  size_t answers() { return protocol->answers(link.wire).size(); }

  // The newest message the client heard.
  Message answer() {
    const std::vector<Message> all = protocol->answers(link.wire);
    return all.empty() ? Message{} : all.back();
  }

  // A second exchange on the same connection comes to its answer.
  void expect_reusable() {
    ASSERT_FALSE(gone_);
    const size_t before = answers();
    ask();
    sink().answer("again");
    link.settle();
    EXPECT_EQ(answers(), before + 1);
    EXPECT_EQ(answer().body, "again");
    EXPECT_FALSE(sink().why);
  }

 private:
  http::RequestSink& on_new_stream(http::ServerStream& stream,
                                   ServerSession& /*session*/) noexcept override {
    EXPECT_FALSE(gone_);
    sinks_.emplace_back().stream = &stream;
    run(at_stream);
    return sinks_.back();
  }

  void on_session_closed(ServerSession& /*session*/) noexcept override {
    EXPECT_FALSE(gone_) << "gone twice";
    gone_ = true;
  }

  std::deque<ServerSink> sinks_;
  bool gone_ = false;
};

class ServerContract : public ::testing::TestWithParam<NamedServer>, public ServerBench {
 protected:
  ServerContract() : ServerBench(GetParam()) {}

  void SetUp() override { start(); }

  void TearDown() override { finish(); }
};

}  // namespace pingap::session::contract
