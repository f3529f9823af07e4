// What a listener needs to speak TLS: the policy, the certificates and which of them a name gets.
// Built by the control thread; shared by all workers, immutable but for what is marked.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <tl/expected.hpp>

#include "net/transport.h"
#include "tls/certificate.h"
#include "tls/openssl.h"
#include "tls/ticket_keys.h"

namespace pingap::tls {

// Whether clients are asked for a certificate.
enum class ClientAuth : uint8_t { off, optional, required };

// Of a listener.
struct ServerPolicy {
  int min_version = TLS1_2_VERSION;
  int max_version = TLS1_3_VERSION;
  std::string ciphers;       // of TLS 1.2; empty = ours
  std::string ciphersuites;  // of TLS 1.3; empty = the library's
  std::string curves;        // empty = X25519, P-256, P-384
  bool h2 = true;            // offered by ALPN, before http/1.1
  ClientAuth client_auth = ClientAuth::off;
  std::string client_ca;  // PEM of the CAs that may have signed it
};

struct ServerCertificate {
  std::shared_ptr<const Certificate> certificate;
  std::vector<std::string> names;  // those it serves, normal_name() each
  bool is_default = false;
};

class ServerContext {
 public:
  // `keys` outlive the context. The first certificate is the default where none says that it is.
  static tl::expected<std::unique_ptr<ServerContext>, std::string> build(
      const ServerPolicy& policy, const std::vector<ServerCertificate>& certificates,
      TicketKeys& keys);

  // A new connection of a client. Any thread.
  SslPtr accept() const noexcept;

  // A certificate that is shown to clients.
  struct Shown {
    std::string subject;  // as in RFC 4514
    std::string fingerprint;
    time_t not_after;
  };

  const std::vector<Shown>& shown() const noexcept { return shown_; }

  // What clients have to show to be let in; the same text where that is the same.
  const std::string& admission() const noexcept { return admission_; }

  // Whether a request for `host` may come over a connection that was opened for `server_name`: not
  // where another certificate is meant for it (RFC 9110 15.5.20).
  bool serves(std::string_view server_name, std::string_view host) const noexcept;

 private:
  struct Hash {
    using is_transparent = void;

    size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };

  explicit ServerContext(TicketKeys& keys) noexcept : keys_(keys) {}

  tl::expected<SslCtxPtr, std::string> make_context(const ServerPolicy& policy) const;
  // Null where no certificate has the name.
  SSL_CTX* find(std::string_view name) const noexcept;

  static int on_server_name(SSL* ssl, int* alert, void* self) noexcept;
  static int on_alpn(SSL* ssl, const unsigned char** out, unsigned char* out_size,
                     const unsigned char* in, unsigned in_size, void* self) noexcept;

  TicketKeys& keys_;
  bool h2_ = true;
  std::string admission_;
  std::vector<Shown> shown_;
  std::vector<SslCtxPtr> contexts_;  // the first is the default
  std::unordered_map<std::string, SSL_CTX*, Hash, std::equal_to<>> by_name_;  // "*.a.test" too
};

}  // namespace pingap::tls
