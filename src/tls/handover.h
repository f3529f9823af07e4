// Takes a connection over from OpenSSL behind its handshake, of a server with TLS 1.3: the secrets
// come as a debugger's log would get them, as to kTLS OpenSSL gives them by itself only. Worker.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "tls/openssl.h"
#include "tls/record_layer.h"

namespace pingap::tls {

class Handover {
 public:
  // Makes the handshakes of `context` tell their secrets to the Handover of each connection.
  static void attach(SSL_CTX* context) noexcept;

  // Before the handshake of `ssl`, which must not go on without this.
  explicit Handover(SSL* ssl) noexcept;
  Handover(const Handover&) = delete;
  Handover& operator=(const Handover&) = delete;

  // Behind the handshake of `ssl`, which is of no use then. Null: it has to go on with it.
  std::unique_ptr<RecordLayer> take(SSL* ssl) const noexcept;

 private:
  static void on_secret(const SSL* ssl, const char* line) noexcept;
  static void on_message(int written, int version, int type, const void* data, size_t size,
                         SSL* ssl, void* self) noexcept;

  std::optional<TrafficSecret> read_;
  std::optional<TrafficSecret> write_;
  uint64_t written_ = 0;  // records since the secret for them was made
};

}  // namespace pingap::tls
