// The session contract, protocol by protocol: what every test of it is made of. Tests only.
//
// A test plays one exchange at a time between three: the peer (contract_h1.h), the session under
// test on a connection in memory, and the sink (contract_sink.h) that its stream is given to. It
// moves the clock itself. A new protocol is one class derived from ServerProtocol or
// ClientProtocol, and one line in contract_protocols.h.
#pragma once

#include <chrono>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "net/memory_transport.h"
#include "session/session.h"

namespace pingap::session::contract {

using namespace std::chrono_literals;

// How the body of a message is announced.
enum class Body : uint8_t { none, length, chunked, until_close };

// A head as the peer says it.
struct Ask {
  std::string_view method = "GET";
  Body body = Body::none;
  size_t length = 0;
  bool http10 = false;
  bool close = false;
  bool expect = false;
  bool websocket = false;
};

struct Reply {
  int status = 200;
  Body body = Body::none;
  size_t length = 0;
  std::string_view fields = {};  // more lines, each with its end
};

// A message as the peer heard it.
struct Message {
  std::string start;   // "GET /", "200"
  std::string fields;  // lines, or whatever the protocol has
  std::string body;
  std::string trailers;
  bool whole = false;
  size_t request = 0;  // of an answer: the number of what it answers, from 0

  bool says(std::string_view line) const { return fields.find(line) != std::string::npos; }
};

// A protocol's server session, and the client at the other end of it.
class ServerProtocol {
 public:
  virtual ~ServerProtocol() = default;

  // The session owns itself until it is closed.
  virtual net::IoHandler& start(net::EventLoop& loop, std::unique_ptr<net::Transport> transport,
                                const ServerSettings& settings, RequestAcceptor& acceptor) = 0;
  virtual void drain() = 0;
  virtual void drain_gently() = 0;
  virtual void serve_one() = 0;
  virtual void abort() = 0;

  // Streams share the connection: one that fails leaves it to the others.
  virtual bool multiplexes() const { return false; }

  // From the last answer of a drain, or its start, to the FIN.
  virtual Duration notice() const { return {}; }

  // What the client says; body and trailers belong to the request that was asked last.
  virtual std::string head(const Ask& ask) = 0;
  virtual std::string body(std::string_view bytes, End end) = 0;
  virtual std::string trailers(std::string_view line) = 0;

  // Before its first request.
  virtual std::string greeting() { return {}; }

  // Of what body() was given: what it may say by now, and how much it still keeps.
  virtual std::string go_on(const net::MemoryWire& /*wire*/) { return {}; }

  virtual size_t kept() const { return 0; }

  // It hears of released bytes once they are so many.
  virtual size_t window_step() const { return 1; }

  // What it has heard: 1xx and final answers, in order.
  virtual std::vector<Message> answers(const net::MemoryWire& wire) = 0;
};

// A protocol's client session, and the backend at the other end of it.
class ClientProtocol {
 public:
  virtual ~ClientProtocol() = default;

  virtual net::IoHandler& start(net::EventLoop& loop, std::unique_ptr<net::Transport> transport,
                                const ClientSettings& settings, ClientSessionOwner& owner,
                                bool connecting) = 0;

  // What the backend says as soon as there is a connection.
  virtual std::string greeting() { return {}; }

  // A stream may fail and leave the connection to others.
  virtual bool multiplexes() const { return false; }

  virtual http::ClientStream& open(http::ResponseSink& sink, const ClientSettings& settings) = 0;
  virtual void close() = 0;

  virtual std::string head(const Reply& reply) = 0;
  virtual std::string body(std::string_view bytes, End end) = 0;
  virtual std::string trailers(std::string_view line) = 0;
  virtual std::vector<Message> requests(const net::MemoryWire& wire) = 0;
};

// One connection in memory, and the loop that serves it.
class Connection {
 public:
  net::MemoryWire wire;
  net::IoHandler* session = nullptr;
  std::function<std::string()> peer;  // what it says to what it has heard, if anything

  Connection() { settle(); }

  net::EventLoop& loop() { return *loop_; }

  std::unique_ptr<net::Transport> transport() {
    return std::make_unique<net::MemoryTransport>(wire);
  }

  // The peer says `bytes`, and the session sees them in one event.
  void say(std::string_view bytes) {
    wire.say(bytes);
    event();
  }

  void say_and_fin(std::string_view bytes) {
    wire.say(bytes);
    fin();
  }

  // Each `piece` bytes come in an event of their own.
  void say_in_pieces(std::string_view bytes, size_t piece) {
    for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
      say(bytes.substr(0, piece));
    }
  }

  void fin() {
    wire.fin();
    event();
  }

  void rst() {
    wire.reset();
    event();
  }

  // The peer takes `bytes` more, all it has not been sent yet included.
  void take(size_t bytes) {
    wire.take_only(bytes);
    event();
  }

  void take_all() {
    wire.take_all();
    event();
  }

  // Edge-triggered as in the loop: all that is true of the socket is told.
  void event() {
    if (session != nullptr && !wire.closed()) {
      session->on_io(wire.ready());
    }
    settle();
  }

  // As event(), when the peer has something to say to what it has heard.
  void hear() {
    while (peer && !wire.closed()) {
      const std::string more = peer();
      if (more.empty()) {
        return;
      }
      wire.say(more);
      session->on_io(wire.ready());
      turn();
    }
  }

  void settle() {
    turn();
    hear();
  }

  // More turns than anything that was put off can need.
  void turn() {
    for (int i = 0; i < 20; ++i) {
      loop_->run_once_at(now_);
    }
  }

  // In steps, since a timer that is armed again counts from when it ran out.
  void pass(Duration time) {
    for (const TimePoint end = now_ + time; now_ < end;) {
      now_ = std::min<TimePoint>(now_ + 500ms, end);
      settle();
    }
  }

 private:
  std::unique_ptr<net::EventLoop> loop_ = *net::EventLoop::create();
  // On a full turn of the timer wheel's lower levels, so that each run finds the same ticks.
  TimePoint now_{Duration(((loop_->now().time_since_epoch().count() >> 40) + 1) << 40)};
};

// The wheel tells of a deadline up to two ticks late, and never early.
inline constexpr Duration kTick = 20ms;

// One after the other. The operands of + have no order, and what a peer says depends on what it
// said before.
inline std::string join(std::initializer_list<std::string> parts) {
  std::string all;
  for (const std::string& part : parts) {
    all += part;
  }
  return all;
}

inline std::string letters(size_t size) {
  std::string text(size, ' ');
  for (size_t i = 0; i < size; ++i) {
    text[i] = static_cast<char>('a' + (i + i / 26) % 26);  // so that a shift shows
  }
  return text;
}

}  // namespace pingap::session::contract
