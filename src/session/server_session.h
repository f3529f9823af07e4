// A client connection, whatever protocol it speaks: what its owner (a frontend) sees of it. Worker.
// It owns itself from start() until it is closed.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/intrusive_list.h"
#include "base/ip.h"
#include "net/address.h"
#include "net/transport.h"

namespace pingap::session {

// Who is at the other end of the socket, or of the proxy before us that said so.
class Peer {
 public:
  explicit Peer(const net::Address& address) noexcept : Peer(address.ip(), address.port()) {}

  Peer(const IpAddress& ip, uint16_t port) noexcept : ip_(ip), port_(port) {}

  const IpAddress& ip() const noexcept { return ip_; }

  uint16_t port() const noexcept { return port_; }

  // As text; empty on a unix socket. Formatted when first asked for.
  std::string_view text() noexcept {
    if (size_ == 0) {
      size_ = static_cast<uint8_t>(ip_.format(text_).size());
    }
    return {text_, size_};
  }

 private:
  IpAddress ip_;
  uint16_t port_;
  uint8_t size_ = 0;
  char text_[46];
};

// What a connection speaks at the moment; a session of another kind takes its place when that
// changes.
enum class Speaks : uint8_t { proxy_header, tls_handshake, http1, http2, count_ };

struct ServerSessionTag;
struct ServerSettings;

class ServerSession : public ListHook<ServerSessionTag> {
 public:
  // Registers with the loop; false when that failed (then delete it).
  virtual bool start() noexcept = 0;
  // Idle: closes now. Busy: what is under way is the last. Tunnels go on.
  virtual void drain() noexcept = 0;

  // The same where somebody else serves the client from now on, and there is time: an idle one
  // waits a moment for a request that is on its way, and closes behind it.
  virtual void drain_gently() noexcept { drain(); }

  // For a connection accepted while draining: its first request, which must come soon, is its last.
  virtual void serve_one() noexcept = 0;
  // Closes whatever is going on; the exchanges are told.
  virtual void abort() noexcept = 0;
  virtual Speaks speaks() const noexcept = 0;
  // Nothing is under way, and no part of a next request is here.
  virtual bool waiting() const noexcept = 0;

  // How often the client did what honest ones hardly do, as far as its protocol counts that.
  virtual uint32_t glitches() const noexcept { return 0; }

  // The socket; -1 when it is closed.
  virtual int fd() const noexcept = 0;

  Peer& peer() noexcept { return peer_; }

  const ServerSettings& settings() const noexcept { return *settings_; }

  // Others from now on: the configuration has changed. What has been armed stays.
  void set_settings(const ServerSettings& settings) noexcept { settings_ = &settings; }

  // Set by the owner when it begins; for logs.
  void identify(uint64_t number, TimePoint now) noexcept {
    number_ = number;
    begun_ = now;
  }

  uint64_t number() const noexcept { return number_; }

  TimePoint begun() const noexcept { return begun_; }

  // Of this connection, with the one that has just begun.
  uint32_t count_request() noexcept { return ++requests_; }

  // Null without TLS.
  const net::Secured* secured() const noexcept { return secured_.get(); }

  // Before start().
  void set_secured(std::unique_ptr<const net::Secured> agreed) noexcept {
    secured_ = std::move(agreed);
  }

 protected:
  ServerSession(const Peer& peer, const ServerSettings& settings) noexcept
      : peer_(peer), settings_(&settings) {}

  ~ServerSession() = default;

  Peer peer_;

 private:
  const ServerSettings* settings_;
  uint64_t number_ = 0;
  TimePoint begun_{};
  uint32_t requests_ = 0;
  std::unique_ptr<const net::Secured> secured_;
};

}  // namespace pingap::session
