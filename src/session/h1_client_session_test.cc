#include "session/h1_client_session.h"

#include <array>
#include <string>
#include <sys/socket.h>

#include <gtest/gtest.h>

namespace pingap::session {
namespace {

const ClientSettings kSettings{
    .connect_timeout = std::chrono::seconds(5),
    .read_timeout = std::chrono::seconds(5),
    .write_timeout = std::chrono::seconds(5),
    .idle_timeout = std::chrono::seconds(5),
    .tunnel_timeout = std::chrono::seconds(5),
};

struct Sink final : http::ResponseSink {
  void on_connected() noexcept override {}

  void on_head(http::ResponseHead& head, End /*end*/) noexcept override { status = head.status; }

  void on_body(ByteQueue& data, End end) noexcept override {
    data.clear();
    whole = whole || end == End::yes;
  }

  void on_trailers(http::HeaderMap& /*trailers*/) noexcept override {}

  void on_sent(size_t /*bytes*/) noexcept override {}

  void on_closed(const Error& /*why*/) noexcept override { closed = true; }

  int status = 0;
  bool whole = false;
  bool closed = false;
};

struct Owner final : ClientSessionOwner {
  void on_session_idle(H1ClientSession& /*session*/) noexcept override { idle = true; }

  void on_session_gone(H1ClientSession& /*session*/) noexcept override { gone = true; }

  bool idle = false;
  bool gone = false;
};

// A session whose backend is the other end of a socket pair.
struct Bench {
  Bench() {
    std::array<int, 2> fds{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds.data()), 0);
    backend = net::Fd(fds[1]);
    auto transport = std::make_unique<net::SocketTransport>(net::Fd(fds[0]));
    session = new H1ClientSession(*loop, std::move(transport), kSettings, owner);  // owns itself
    EXPECT_TRUE(session->start(false));
  }

  ~Bench() {
    if (!owner.gone) {
      session->close();
    }
    turn();
  }

  void turn() { loop->run_once(std::chrono::milliseconds(1)); }

  void say(std::string_view bytes) {
    EXPECT_EQ(::send(backend.get(), bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
    turn();
  }

  // Reads what the session sent until there is no more.
  void take_all() {
    std::array<char, 65536> room{};
    while (::recv(backend.get(), room.data(), room.size(), 0) > 0) {
      turn();
    }
  }

  std::unique_ptr<net::EventLoop> loop = *net::EventLoop::create();
  Owner owner;
  Sink sink;
  net::Fd backend;
  H1ClientSession* session;
};

constexpr size_t kMuch = size_t{4} << 20;  // more than the socket takes

void send_upload(Bench& bench) {
  http::ClientStream& stream = bench.session->open(bench.sink, kSettings);
  http::RequestHead head;
  head.method = http::Method::post;
  head.method_text = "POST";
  head.framing = http::Framing::length;
  head.content_length = kMuch;
  head.target = "/";
  head.authority = "a.test";
  stream.send_head(head, End::no);
  ByteQueue body;
  body.append(std::string(kMuch, 'u'));
  stream.send_body(body, End::yes);
  bench.turn();
  bench.turn();
}

TEST(H1ClientSession, IsKeptWhenTheAnswerCameBeforeTheRequestWasOut) {
  Bench bench;
  send_upload(bench);
  bench.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_TRUE(bench.sink.whole);
  EXPECT_FALSE(bench.sink.closed);
  bench.take_all();
  EXPECT_TRUE(bench.sink.closed);
  EXPECT_TRUE(bench.owner.idle);
  EXPECT_FALSE(bench.owner.gone);
}

// They would be the answer to the next request.
TEST(H1ClientSession, IsNotKeptWithBytesBehindTheAnswer) {
  Bench bench;
  send_upload(bench);
  bench.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_TRUE(bench.sink.whole);
  bench.say("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison");
  EXPECT_FALSE(bench.sink.closed);
  bench.take_all();
  EXPECT_FALSE(bench.owner.idle);
  EXPECT_TRUE(bench.owner.gone);
}

}  // namespace
}  // namespace pingap::session
