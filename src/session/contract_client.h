// The bench of the contract of client sessions: a connection, the session under test, and a sink
// for each request sent on it. What holds whatever happened is looked at when it ends. Tests only.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "session/contract_bench.h"
#include "session/contract_protocols.h"
#include "session/contract_sink.h"

namespace pingap::session::contract {

class ClientBench : protected ClientSessionOwner {
 public:
  explicit ClientBench(const NamedClient& named) : protocol(named.make()) {}

  virtual ~ClientBench() = default;

  // All different, so that a test sees which one it was.
  ClientSettings settings{
      .connect_timeout = 10s,
      .read_timeout = 20s,
      .write_timeout = 30s,
      .idle_timeout = 40s,
      .tunnel_timeout = 50s,
  };
  Connection link;
  std::unique_ptr<ClientProtocol> protocol;
  Hook at_idle;

  void finish() {
    if (!gone_ && !sinks_.empty() && !sink().over()) {
      sink().reset();
    }
    if (!gone_) {
      protocol->close();
    }
    link.settle();
    EXPECT_TRUE(gone_);
    EXPECT_TRUE(link.wire.closed()) << "the connection is never closed";
    EXPECT_FALSE(link.wire.misused()) << "something was written where nothing could be";
    for (const ClientSink& one : sinks_) {
      EXPECT_TRUE(one.over()) << "a stream that nobody told of its end";
    }
    EXPECT_TRUE(holds_no_buffer());
  }

  // A connection that is there, or on its way.
  void connect(bool connecting) {
    link.session = &protocol->start(link.loop(), link.transport(), settings, *this, connecting);
    link.wire.say(protocol->greeting());
    if (!connecting) {
      link.event();
    }
  }

  // Takes the connection for one request, of which nothing is sent.
  ClientSink& open(const ClientSettings& with) {
    if (link.session == nullptr) {
      connect(false);
    }
    ClientSink& sink = sinks_.emplace_back();
    sink.stream = &protocol->open(sink, with);
    EXPECT_FALSE(idle()) << "still in the owner's list";
    return sink;
  }

  ClientSink& open() { return open(settings); }

  // GET, sent whole.
  ClientSink& get(std::string_view method = "GET") {
    ClientSink& sink = open();
    sink.send_head(method, http::Framing::none);
    link.settle();
    return sink;
  }

  // The head of an upload, sent.
  ClientSink& upload(size_t length) {
    ClientSink& sink = open();
    sink.send_head("POST", http::Framing::length, length);
    link.settle();
    return sink;
  }

  ClientSink& tunnel() {
    ClientSink& sink = open();
    sink.send_head("GET", http::Framing::tunnel);
    link.settle();
    reply({.status = 101});
    return sink;
  }

  // What the backend says.
  void reply(const Reply& reply) { link.say(protocol->head(reply)); }

  void body(std::string_view bytes, End end = End::no) { link.say(protocol->body(bytes, end)); }

  // A whole answer, as bytes.
  std::string answer(std::string_view text) {
    return join({protocol->head({.body = Body::length, .length = text.size()}),
                 protocol->body(text, End::yes)});
  }

  ClientSink& sink() { return sinks_.back(); }

  const std::deque<ClientSink>& sinks() const { return sinks_; }

  bool idle() const { return !pool_.empty(); }

  bool gone() const { return gone_; }

  // Where the stream had the connection for itself.
  bool gone_with_it() const { return gone_ || protocol->multiplexes(); }

  bool holds_no_buffer() const { return buffers_are_free(sinks_); }

  size_t requests() { return protocol->requests(link.wire).size(); }

  Message request() {
    const std::vector<Message> all = protocol->requests(link.wire);
    return all.empty() ? Message{} : all.back();
  }

  // A second exchange on the same connection comes to its end.
  void expect_reusable() {
    ASSERT_TRUE(idle() && !gone_);
    const size_t before = requests();
    get();
    EXPECT_EQ(requests(), before + 1);
    link.say(answer("again"));
    EXPECT_EQ(sink().body, "again");
    EXPECT_TRUE(sink().closed);
    EXPECT_FALSE(sink().why);
  }

 private:
  void on_session_free(ClientSession& session) noexcept override {
    EXPECT_FALSE(gone_ || idle());
    pool_.push_front(session);
    run(at_idle);
  }

  void on_session_gone(ClientSession& /*session*/) noexcept override {
    EXPECT_FALSE(gone_) << "gone twice";
    gone_ = true;
  }

  std::deque<ClientSink> sinks_;
  IntrusiveList<ClientSession, ClientSessionTag> pool_;  // of one at most
  bool gone_ = false;
};

class ClientContract : public ::testing::TestWithParam<NamedClient>, public ClientBench {
 protected:
  ClientContract() : ClientBench(GetParam()) {}

  void TearDown() override { finish(); }
};

}  // namespace pingap::session::contract
