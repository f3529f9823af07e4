// TLS over a connection. Worker. OpenSSL sees no socket: it is fed from one read, and what it makes
// is gathered for one write, however many records that is. Behind the handshake of a client with
// TLS 1.3 a record layer of ours takes over (docs/tls.md, "Memory").
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "base/byte_queue.h"
#include "base/slab.h"
#include "net/transport.h"
#include "tls/handover.h"
#include "tls/openssl.h"
#include "tls/record_layer.h"

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

  std::unique_ptr<const net::Secured> take_secured() noexcept override {
    return std::move(secured_);
  }

  bool secure() const noexcept override { return true; }

  bool has_input() const noexcept override {
    return !received_.empty() || !plain_.empty() ||
           (ssl_ != nullptr && SSL_has_pending(ssl_.get()) == 1);
  }

  const char* handshake_failure() const noexcept override { return failure_; }

 private:
  friend struct BioMethods;

  class Rooms;
  enum class Step : uint8_t { data, nothing, closed, failed };

  // A read may go on: a peer that makes a record of each byte does not get a whole room filled.
  bool may_go_on(size_t filled) const noexcept;
  size_t receive(std::span<char> room) noexcept;
  void keep_rest() noexcept;
  void describe() noexcept;
  void hand_over() noexcept;
  void drop_ssl() noexcept;

  // With OpenSSL:
  int feed(char* buffer, int size) noexcept;
  net::IoResult outcome(int result, size_t bytes) noexcept;
  net::IoResult fail(int error, size_t bytes) noexcept;
  net::IoResult fail_reading() noexcept;
  void refuse_plain() noexcept;
  bool encrypt(ByteQueue& from) noexcept;

  // With a record layer of ours (transport_records.cc):
  net::IoResult read_records(std::span<const iovec> rooms) noexcept;
  bool records_broken_off() noexcept;
  void resume() noexcept;
  std::span<char> next_record() noexcept;
  Step open_next(Rooms& rooms) noexcept;

  // Nothing follows an alert that ends our side or all (RFC 8446 6.1, 6.2).
  bool may_seal() const noexcept { return !said_goodbye_ && !broken_; }

  bool seal(ByteQueue& from) noexcept;
  bool seal_small(char* (RecordLayer::*what)(char*) noexcept) noexcept;

  void say_goodbye() noexcept;
  net::IoResult send(End end) noexcept;

  net::SocketTransport socket_;
  std::unique_ptr<Handover> handover_;  // of a server, during the handshake
  SslPtr ssl_;                          // null where there is a record layer
  std::unique_ptr<RecordLayer> records_;
  std::shared_ptr<const void> keep_;
  std::unique_ptr<const net::Secured> secured_;
  ByteQueue received_;         // ciphertext that there was no room for
  ByteQueue plain_;            // what was in a record and had no room, of records_ only
  ByteQueue made_;             // ciphertext for the socket
  std::span<char> input_;      // what a read of the socket brought, during a call only
  size_t read_limit_ = 0;      // bytes worth reading from the socket, during a call
  size_t wire_ = 0;            // ciphertext that was looked at, during a call of read()
  bool drained_ = false;       // the socket has no more, in this call
  bool socket_ended_ = false;  // its FIN was read
  bool said_goodbye_ = false;  // close_notify was made
  bool shut_ = false;          // the FIN follows what is pending
  bool closed_ = false;        // the peer's close_notify was read, of records_ only
  bool broken_ = false;        // so was what ends it, of records_ only
  bool established_ = false;   // the handshake is over
  bool failed_ = false;
  bool aborting_ = false;
  int error_ = 0;  // of the socket
  const char* failure_ = nullptr;
};

}  // namespace pingap::tls
