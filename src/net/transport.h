// The bytes of one connection: plain TCP or unix socket here; TLS and memory (tests) elsewhere.
// Worker. Never blocks, never raises SIGPIPE.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/byte_queue.h"
#include "base/error.h"
#include "base/pipe.h"
#include "base/slab.h"
#include "net/fd.h"

namespace pingap::net {

enum class IoStatus : uint8_t { progress, would_block, eof, failed };

struct IoResult {
  IoStatus status = IoStatus::progress;
  size_t bytes = 0;
  int error = 0;  // errno where failed
};

class Transport {
 public:
  virtual ~Transport() = default;

  // Reads once into `room`. Fewer bytes than room means: no more for now.
  virtual IoResult read(std::span<char> room) noexcept = 0;

  // The same, and the bytes stay to be read again; an end behind bytes is not seen. Of sockets
  // only.
  virtual IoResult peek(std::span<char> /*room*/) noexcept {
    return {IoStatus::failed, 0, ENOTSUP};
  }

  // As read() for several rooms, filled in order. Fewer bytes than they have: no more for now.
  virtual IoResult read_many(std::span<const iovec> rooms) noexcept = 0;
  // Writes from the front of `from` until it is empty or the peer takes no more, and consumes what
  // was written. With End::yes shutdown_write() or the close follows at once when all is written:
  // the last bytes may wait for it, to leave in one packet with the FIN.
  virtual IoResult write(ByteQueue& from, End end) noexcept = 0;

  // Whether its bytes are those of the socket, so that the kernel can move them by itself.
  virtual bool splices() const noexcept { return false; }

  // As read() and write(), without the bytes coming to us; where splices(). No progress also means
  // that the pipe is full. A short read says nothing about the socket.
  virtual IoResult read_to(Pipe& /*pipe*/, size_t /*max*/) noexcept { return {}; }

  virtual IoResult write_from(Pipe& /*pipe*/, size_t /*max*/) noexcept { return {}; }

  virtual void shutdown_write() noexcept = 0;
  // Makes the coming close a reset, so that a truncated until-close body cannot pass for whole.
  virtual void abort_on_close() noexcept = 0;
  // What broke the connection, or kept it from being made; 0 for nothing. Told once.
  virtual int take_error() noexcept = 0;
  virtual int fd() const noexcept = 0;
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

 private:
  Fd fd_;
};

}  // namespace pingap::net
