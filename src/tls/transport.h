// TLS over a connection. Worker. OpenSSL sees no socket: it is fed from one read, and what it makes
// is gathered for one write, however many records that is.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "base/byte_queue.h"
#include "base/slab.h"
#include "net/transport.h"
#include "tls/openssl.h"

namespace pingap::tls {

class Transport final : public net::Transport, public Pooled<Transport> {
 public:
  // `ssl` is set to accept or to connect. `keep` is what it needs during the handshake.
  Transport(net::Fd fd, SslPtr ssl, std::shared_ptr<const void> keep) noexcept;
  ~Transport() override;

  // Bytes in front of the handshake. Before it begins.
  void send_clear(std::string_view bytes) noexcept { made_.append(bytes); }

  net::IoResult handshake() noexcept override;
  net::IoResult read(std::span<char> room) noexcept override;
  net::IoResult read_many(std::span<const iovec> rooms) noexcept override;
  bool broken_off() noexcept override;
  net::IoResult write(ByteQueue& from, End end) noexcept override;
  void shutdown_write() noexcept override;

  void break_off() noexcept override { aborting_ = true; }

  void abort_on_close() noexcept override;

  int take_error() noexcept override { return socket_.take_error(); }

  int fd() const noexcept override { return socket_.fd(); }

  std::unique_ptr<const net::Secured> take_secured() noexcept override;

  bool secure() const noexcept override { return true; }

  bool has_input() const noexcept override {
    return !received_.empty() || SSL_has_pending(ssl_.get()) == 1;
  }

  const char* handshake_failure() const noexcept override { return failure_; }

 private:
  friend struct BioMethods;

  int feed(char* buffer, int size) noexcept;
  net::IoResult outcome(int result, size_t bytes) noexcept;
  net::IoResult fail(int error, size_t bytes) noexcept;
  net::IoResult fail_reading() noexcept;
  void keep_rest() noexcept;
  void refuse_plain() noexcept;
  bool encrypt(ByteQueue& from) noexcept;
  void say_goodbye() noexcept;
  net::IoResult send(End end) noexcept;

  net::SocketTransport socket_;
  SslPtr ssl_;
  std::shared_ptr<const void> keep_;
  ByteQueue received_;         // ciphertext that there was no room for
  ByteQueue made_;             // ciphertext for the socket
  std::string_view input_;     // what a read of the socket brought, during a call only
  size_t read_limit_ = 0;      // bytes worth reading from the socket, during a call
  bool drained_ = false;       // the socket has no more, in this call
  bool socket_ended_ = false;  // its FIN was read
  bool said_goodbye_ = false;  // close_notify was made
  bool shut_ = false;          // the FIN follows what is pending
  bool established_ = false;   // the handshake is over
  bool failed_ = false;
  bool aborting_ = false;
  int error_ = 0;  // of the socket
  const char* failure_ = nullptr;
};

}  // namespace pingap::tls
