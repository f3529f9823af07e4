// A connection in memory, for tests of what uses a Transport: the test is the peer and the kernel.
// Tests only.
//
//   test: say, fin, reset, take_only  -->  MemoryWire  <-->  MemoryTransport, which the session
//   owns
//
// The wire outlives the session and keeps what it did. It behaves as a socket does (transport_test
// runs both through the same tests): what was said is read before the end or the error behind it,
// an error is told once, and after it there is only the end.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <sys/eventfd.h>
#include <unistd.h>

#include "net/event_loop.h"
#include "net/transport.h"

namespace pingap::net {

class MemoryWire {
 public:
  // ---- the peer

  void say(std::string_view bytes) { inbox_ += bytes; }

  void fin() { fin_ = true; }

  // A read brings this many bytes at most, for so many of the network, as with TLS.
  void say_dearly(size_t bytes, size_t wire) {
    read_most_ = bytes;
    read_wire_ = wire;
  }

  // A connection that failed, or that never came to be. What was said before can be read.
  void reset(int error = ECONNRESET) {
    error_ = error;
    broken_ = true;
  }

  // The peer takes this many bytes more, and none after them.
  void take_only(size_t bytes) {
    room_ = bytes;
    blocked_ = blocked_ && bytes == 0;
  }

  void take_all() { take_only(std::numeric_limits<size_t>::max()); }

  // Bytes can go from and to pipes, as on a socket.
  void let_splice() { splices_ = true; }

  // Writes fail from now on, and nothing else tells of it yet.
  void refuse_writes(int error = EPIPE) { write_error_ = error; }

  // ---- the kernel

  // What epoll says of the socket.
  IoEvents ready() const {
    return {.readable = !inbox_.empty() || fin_ || broken_,
            .writable = room_ > 0 || broken_,
            .hangup = fin_ || broken_,
            .failed = broken_ || (fin_ && shut_)};
  }

  // ---- what was done with the connection

  const std::string& written() const { return outbox_; }

  size_t unread() const { return inbox_.size(); }

  bool shut() const { return shut_; }

  bool aborted() const { return aborted_; }

  bool closed() const { return closed_; }

  int writes() const { return writes_; }  // that took a byte

  // Written to or shut behind its FIN, or written to again before there was room.
  bool misused() const { return misused_; }

 private:
  friend class MemoryTransport;

  std::string inbox_;   // said and not yet read
  std::string outbox_;  // written
  size_t room_ = std::numeric_limits<size_t>::max();
  size_t read_most_ = std::numeric_limits<size_t>::max();
  size_t read_wire_ = 0;
  int error_ = 0;  // to be told
  int write_error_ = 0;
  int writes_ = 0;
  bool splices_ = false;
  bool fin_ = false;
  bool broken_ = false;
  bool shut_ = false;
  bool aborted_ = false;
  bool closed_ = false;
  bool blocked_ = false;  // the last write was not all taken, and there was no room since
  bool misused_ = false;
};

class MemoryTransport final : public Transport {
 public:
  explicit MemoryTransport(MemoryWire& wire) : wire_(wire), fd_(::eventfd(0, EFD_CLOEXEC)) {}

  ~MemoryTransport() override { wire_.closed_ = true; }

  IoResult read(std::span<char> room) noexcept override {
    if (!wire_.inbox_.empty()) {
      const size_t most = std::min(room.size(), wire_.read_most_);
      const size_t size = std::min(most, wire_.inbox_.size());
      std::memcpy(room.data(), wire_.inbox_.data(), size);
      wire_.inbox_.erase(0, size);
      return {.more = size == most, .bytes = size, .wire = wire_.read_wire_};
    }
    if (const int error = take_error(); error != 0) {
      return {.status = IoStatus::failed, .error = error};
    }
    return {.status = wire_.fin_ || wire_.broken_ ? IoStatus::eof : IoStatus::would_block};
  }

  IoResult peek(std::span<char> room) noexcept override {
    const std::string kept = wire_.inbox_;
    const IoResult result = read(room);
    wire_.inbox_ = kept;
    return result;
  }

  IoResult read_many(std::span<const iovec> rooms) noexcept override {
    IoResult all;
    for (const iovec& room : rooms) {
      const IoResult result = read({static_cast<char*>(room.iov_base), room.iov_len});
      if (result.status != IoStatus::progress) {
        all.more = false;
        return all.bytes > 0 ? all : result;
      }
      all.bytes += result.bytes;
      all.wire += result.wire;
      all.more = result.more;
      if (!result.more || result.bytes < room.iov_len) {
        break;
      }
    }
    return all;
  }

  IoResult write(ByteQueue& from, End /*end*/) noexcept override {
    wire_.misused_ = wire_.misused_ || wire_.shut_ || (wire_.blocked_ && !wire_.broken_);
    if (wire_.broken_ || wire_.write_error_ != 0) {
      const int told = take_error();
      return {.status = IoStatus::failed, .error = told != 0 ? told : EPIPE};
    }
    size_t total = 0;
    while (!from.empty() && wire_.room_ > 0) {
      const std::string_view piece = from.front().substr(0, wire_.room_);
      wire_.outbox_ += piece;
      wire_.room_ -= piece.size();
      total += piece.size();
      from.consume(piece.size());
    }
    wire_.writes_ += total > 0 ? 1 : 0;
    wire_.blocked_ = !from.empty();
    return {.status = wire_.blocked_ ? IoStatus::would_block : IoStatus::progress, .bytes = total};
  }

  bool splices() const noexcept override { return wire_.splices_; }

  IoResult read_to(Pipe& pipe, size_t max) noexcept override {
    std::string bytes(std::min(max, wire_.inbox_.size()), '\0');
    if (bytes.empty()) {
      return read({bytes.data(), 0});
    }
    const ssize_t put = ::write(pipe.write_end(), wire_.inbox_.data(), bytes.size());
    if (put < 0) {
      return {.status = IoStatus::would_block};
    }
    pipe.filled(static_cast<size_t>(put));
    wire_.inbox_.erase(0, static_cast<size_t>(put));
    return {.more = true, .bytes = static_cast<size_t>(put)};
  }

  IoResult write_from(Pipe& pipe, size_t max) noexcept override {
    size_t total = 0;
    while (total < max && wire_.room_ > 0) {
      std::string bytes(std::min(max - total, wire_.room_), '\0');
      const ssize_t got = ::read(pipe.read_end(), bytes.data(), bytes.size());
      if (got <= 0) {
        break;
      }
      const auto size = static_cast<size_t>(got);
      pipe.drained(size);
      wire_.outbox_ += bytes.substr(0, size);
      wire_.room_ -= size;
      total += size;
    }
    wire_.blocked_ = total < max;
    return {.status = wire_.blocked_ ? IoStatus::would_block : IoStatus::progress, .bytes = total};
  }

  void shutdown_write() noexcept override {
    wire_.misused_ = wire_.misused_ || wire_.shut_;
    wire_.shut_ = true;
  }

  void abort_on_close() noexcept override { wire_.aborted_ = true; }

  int take_error() noexcept override { return std::exchange(wire_.error_, 0); }

  int fd() const noexcept override { return fd_.get(); }

 private:
  MemoryWire& wire_;
  Fd fd_;  // for the loop to register; it is never asked
};

}  // namespace pingap::net
