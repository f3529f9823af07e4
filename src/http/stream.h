// One message pair on a connection, whatever the protocol: h1 and h2, client side and server side
// implement these, so that protocol pairs cost M + N. Worker.
//
// Flow control is one number: a source delivers no more by on_body() while limits::kWindow bytes
// were not yet returned by release_window(); a read that began below the line may end above it, by
// less than a chunk. A sender takes every byte it is given (the window bounds them) and reports by
// on_sent() what has left for the network.
//
// Every call is allowed inside every callback but on_closed(). With a tunnel (Framing::tunnel in
// the response) the bodies of both directions begin, also where the request's head was its end.
// All of this is tested for each protocol: src/session/contract_*_test.cc.
//
//   source session --on_body--> BodyPipe --send_body--> sending session
//        ^                         |                          |
//        +------release_window-----+<--------on_sent----------+
#pragma once

#include <cstddef>

#include "base/byte_queue.h"
#include "base/error.h"
#include "http/head.h"

namespace pingap {
class Pipe;
}

namespace pingap::http {

// What we send with.
class Stream {
 public:
  // Takes all of `data`. End::yes ends the message; in a tunnel it is the FIN.
  virtual void send_body(ByteQueue& data, End end) noexcept = 0;
  // Ends the message with trailers; dropped where the protocol or framing has no place for them.
  virtual void send_trailers(const HeaderMap& trailers) noexcept = 0;
  // `bytes` of what on_body() or on_piped() delivered have left the proxy.
  virtual void release_window(size_t bytes) noexcept = 0;

  // The rest of a long body may stay in the kernel: where both streams can, the receiving one fills
  // `pipe` and tells its sink by on_piped(), the sending one empties it by send_piped(). The pipe
  // outlives the exchange. receive_by() is asked while the rest of the body has a known length.
  virtual void receive_by(Pipe& /*pipe*/) noexcept {}

  virtual bool can_send_piped() const noexcept { return false; }

  // As send_body() for the next `bytes` of the pipe, behind all that was sent before.
  virtual void send_piped(Pipe& /*pipe*/, size_t /*bytes*/, End /*end*/) noexcept {}

  // Gives the stream up: the peer sees an unclean end, the sink is never called again and the
  // stream must not be used any more.
  virtual void reset(ErrorCode why) noexcept = 0;

 protected:
  ~Stream() = default;
};

class ServerStream : public Stream {
 public:
  // The final response; the stream settles `head.framing` for its protocol and version. A false
  // head.keep_alive closes the connection afterwards. What is sent as body to a request that must
  // have none in its answer (HEAD) is dropped.
  virtual void send_head(ResponseHead& head, End end) noexcept = 0;
  // 1xx but 101, before the final response; dropped where the client cannot take it (HTTP/1.0).
  virtual void send_interim(const ResponseHead& head) noexcept = 0;
  // Takes the final response back, as if send_head() had not been called. False, and nothing
  // changes, when a byte of it may have left or it has become a tunnel.
  virtual bool unsend() noexcept = 0;

 protected:
  ~ServerStream() = default;
};

class ClientStream : public Stream {
 public:
  virtual void send_head(const RequestHead& head, End end) noexcept = 0;

 protected:
  ~ClientStream() = default;
};

// What we receive with. Heads and body bytes may be taken (moved) by the sink.
class BodySink {
 public:
  // Never called with an empty `data` but for End::yes.
  virtual void on_body(ByteQueue& data, End end) noexcept = 0;

  // The same for bytes that went into the pipe of receive_by().
  virtual void on_piped(size_t /*bytes*/, End /*end*/) noexcept {}

  // The message ended with trailers (instead of on_body(..., End::yes)). Valid for the call only.
  virtual void on_trailers(HeaderMap& trailers) noexcept = 0;
  // `bytes` of body given to send_body() were written to the network. Exact in sum; on the way
  // there it may be early by the size of the head and framing that left with them.
  virtual void on_sent(size_t bytes) noexcept = 0;
  // Exactly once, always last, unless reset() was called: both directions are done
  // (ErrorCode::none) or the stream failed. The stream must not be used any more.
  virtual void on_closed(const Error& why) noexcept = 0;

 protected:
  ~BodySink() = default;
};

class RequestSink : public BodySink {
 public:
  virtual void on_head(RequestHead& head, End end) noexcept = 0;
  // The request (its head, before on_head(), or its body) broke a rule or a deadline. No more of it
  // will come; an answer may still be sent, after which the connection is closed. `head` is what
  // has arrived of a head that was refused, unchecked and for the call only; empty for a body.
  virtual void on_refused(ErrorCode why, std::string_view head) noexcept = 0;

  // The request was so malformed that the protocol has ended its stream (RFC 9113 8.1.1): there is
  // no answer, and this is the first and the last call. `head` as in on_refused(), a first line of
  // HTTP/1 made of what is known.
  virtual void on_malformed(ErrorCode why, std::string_view /*head*/) noexcept {
    on_closed({why, Side::downstream, Retry::never, 0, nullptr});
  }

 protected:
  ~RequestSink() = default;
};

class ResponseSink : public BodySink {
 public:
  // The connection that the request waits for is there; not called where it was there from the
  // start.
  virtual void on_connected() noexcept = 0;
  // Also for each 1xx (End::no).
  virtual void on_head(ResponseHead& head, End end) noexcept = 0;

 protected:
  ~ResponseSink() = default;
};

}  // namespace pingap::http
