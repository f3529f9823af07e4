// The bytes of one connection: plain TCP or unix socket here; TLS and memory (tests) elsewhere.
// Worker. Never blocks, never raises SIGPIPE.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/byte_queue.h"
#include "base/error.h"
#include "base/pipe.h"
#include "base/slab.h"
#include "net/fd.h"

namespace pingap::net {

enum class IoStatus : uint8_t { progress, would_block, eof, failed };

struct IoResult {
  IoStatus status = IoStatus::progress;
  // After a read that made progress: the next one may, too, without a new event.
  bool more = false;
  int error = 0;  // errno where failed
  size_t bytes = 0;
  // Of the network that a read took for them, where these may be many more (TLS). What a turn of
  // the loop spends on a connection goes by them.
  size_t wire = 0;

  size_t cost() const noexcept { return std::max(bytes, wire); }
};

// What a connection with TLS has agreed on.
struct Secured {
  std::string_view version;  // "TLSv1.3"
  std::string_view cipher;   // "TLS_AES_128_GCM_SHA256"
  std::string server_name;   // SNI, lower case; empty = none
  // Of the client's certificate, which was checked; empty = none was shown.
  std::string client_subject;      // as in RFC 4514: "CN=Jane,O=Example"
  std::string client_fingerprint;  // SHA-256 in lower-case hex
  bool resumed = false;
  bool h2 = false;  // chosen by ALPN
};

class Transport {
 public:
  virtual ~Transport() = default;

  // Goes on with what must happen before bytes can be read and written. Progress: it is over.
  virtual IoResult handshake() noexcept { return {}; }

  // Why it failed, for people: static text, may be null. The error of handshake() is EKEYREJECTED
  // where the peer's certificate is not to be trusted, EPROTONOSUPPORT where it knows none of the
  // versions of HTTP that were offered.
  virtual const char* handshake_failure() const noexcept { return nullptr; }

  // Reads once into `room`. The error is ESHUTDOWN where the peer's FIN came without an end of TLS.
  virtual IoResult read(std::span<char> room) noexcept = 0;

  // The same, and the bytes stay to be read again; an end behind bytes is not seen. Of sockets
  // only.
  virtual IoResult peek(std::span<char> /*room*/) noexcept {
    return {.status = IoStatus::failed, .error = ENOTSUP};
  }

  // As read() for several rooms, filled in order.
  virtual IoResult read_many(std::span<const iovec> rooms) noexcept = 0;
  // Writes from the front of `from` until it is empty or the peer takes no more, and consumes what
  // was written. With End::yes shutdown_write() or the close follows at once when all is written:
  // the last bytes may wait for it, to leave in one packet with the FIN.
  virtual IoResult write(ByteQueue& from, End end) noexcept = 0;

  // The peer's FIN is known: true where that alone is all that is left to read, and no end in
  // order. Of TLS, which has a word for it; a FIN of TCP may as well be the end of a request.
  virtual bool broken_off() noexcept { return false; }

  // It holds bytes that the peer did not take yet, of write() or its own: write(), also with an
  // empty queue, when there is an event.
  bool pending() const noexcept { return pending_; }

  // Whether its bytes are those of the socket, so that the kernel can move them by itself.
  virtual bool splices() const noexcept { return false; }

  // As read() and write(), without the bytes coming to us; where splices(). No progress also means
  // that the pipe is full. A short read says nothing about the socket.
  virtual IoResult read_to(Pipe& /*pipe*/, size_t /*max*/) noexcept { return {}; }

  virtual IoResult write_from(Pipe& /*pipe*/, size_t /*max*/) noexcept { return {}; }

  virtual void shutdown_write() noexcept = 0;

  // The coming close must not look like an end in order, where there are such (TLS).
  virtual void break_off() noexcept {}

  // Makes the coming close a reset, so that a truncated until-close body cannot pass for whole.
  virtual void abort_on_close() noexcept = 0;
  // What broke the connection, or kept it from being made; 0 for nothing. Told once.
  virtual int take_error() noexcept = 0;
  virtual int fd() const noexcept = 0;

  // Once, after the handshake of TLS; else null.
  virtual std::unique_ptr<const Secured> take_secured() noexcept { return nullptr; }

  // What is read and written goes through TLS.
  virtual bool secure() const noexcept { return false; }

  // Bytes are here that no event will tell of.
  virtual bool has_input() const noexcept { return false; }

 protected:
  bool pending_ = false;
};

class SocketTransport final : public Transport, public Pooled<SocketTransport> {
 public:
  explicit SocketTransport(Fd fd) noexcept : fd_(std::move(fd)) {}

  IoResult read(std::span<char> room) noexcept override;
  IoResult peek(std::span<char> room) noexcept override;
  IoResult read_many(std::span<const iovec> rooms) noexcept override;
  IoResult write(ByteQueue& from, End end) noexcept override;

  bool splices() const noexcept override { return true; }

  IoResult read_to(Pipe& pipe, size_t max) noexcept override;
  IoResult write_from(Pipe& pipe, size_t max) noexcept override;
  void shutdown_write() noexcept override;
  void abort_on_close() noexcept override;
  int take_error() noexcept override;

  int fd() const noexcept override { return fd_.get(); }

  // For another transport over the same socket; this one must not be used any more.
  Fd take_fd() noexcept { return std::move(fd_); }

 private:
  Fd fd_;
};

}  // namespace pingap::net
