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
  // Of one server and name. Lives as long as the store.
  struct Slot {
    SessionStore* store = nullptr;
    std::array<SSL_SESSION*, 4> kept{};  // the newest first
  };

  // A store of many names (they may be the clients') keeps sessions of the first ones only.
  static constexpr size_t kMaxSlots = 1024;

  SessionStore() = default;
  SessionStore(const SessionStore&) = delete;
  SessionStore& operator=(const SessionStore&) = delete;
  ~SessionStore();

  // Null where there are too many.
  Slot* slot(const std::string& key);
  // Offers a kept session to the server. One of TLS 1.3 is offered once (RFC 8446 C.4).
  void offer(Slot& slot, SSL* ssl) noexcept;
  // Takes ownership.
  void keep(Slot& slot, SSL_SESSION* session) noexcept;

 private:
  std::mutex mutex_;
  std::unordered_map<std::string, Slot> slots_;  // never erased from: pointers stay
};

}  // namespace pingap::tls
