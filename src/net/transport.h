// The bytes of one connection: plain TCP or unix socket here; TLS and memory (tests) elsewhere.
// Worker. Never blocks, never raises SIGPIPE.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/byte_queue.h"
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
  // Writes from the front of `from` until it is empty or the peer takes no more, and consumes what
  // was written.
  virtual IoResult write(ByteQueue& from) noexcept = 0;
  virtual void shutdown_write() noexcept = 0;
  // Makes the coming close a reset, so that a truncated until-close body cannot pass for whole.
  virtual void abort_on_close() noexcept = 0;
  // What broke the connection, or kept it from being made; 0 for nothing. Told once.
  virtual int take_error() noexcept = 0;
  virtual int fd() const noexcept = 0;
};

class SocketTransport final : public Transport {
 public:
  explicit SocketTransport(Fd fd) noexcept : fd_(std::move(fd)) {}

  IoResult read(std::span<char> room) noexcept override;
  IoResult write(ByteQueue& from) noexcept override;
  void shutdown_write() noexcept override;
  void abort_on_close() noexcept override;
  int take_error() noexcept override;

  int fd() const noexcept override { return fd_.get(); }

 private:
  Fd fd_;
};

}  // namespace pingap::net
