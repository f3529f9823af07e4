// Sessions of our connections to servers, to be resumed. Any thread: a lock is held for a moment,
// once a handshake.
#pragma once

#include <array>
#include <mutex>
#include <string>
#include <unordered_map>

#include <openssl/ssl.h>

namespace pingap::tls {

class SessionStore {
 public:
  // Servers and names of which sessions are kept. They may be the clients' choice; but only a
  // server that was checked gives any, and one more takes the place of another.
  static constexpr size_t kMaxKeys = 1024;

  SessionStore() = default;
  SessionStore(const SessionStore&) = delete;
  SessionStore& operator=(const SessionStore&) = delete;
  ~SessionStore();

  // Offers a kept session to the server. One of TLS 1.3 is offered once (RFC 8446 C.4).
  void offer(const std::string& key, SSL* ssl) noexcept;
  // Takes ownership.
  void keep(const std::string& key, SSL_SESSION* session);

  size_t keys() const noexcept { return kept_.size(); }

 private:
  using Sessions = std::array<SSL_SESSION*, 4>;  // the newest first

  static void free_all(const Sessions& sessions) noexcept;

  std::mutex mutex_;
  std::unordered_map<std::string, Sessions> kept_;
};

}  // namespace pingap::tls
