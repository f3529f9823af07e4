#include "tls/session_store.h"

#include <algorithm>

namespace pingap::tls {

SessionStore::~SessionStore() {
  for (const auto& [key, sessions] : kept_) {
    free_all(sessions);
  }
}

void SessionStore::free_all(const Sessions& sessions) noexcept {
  for (SSL_SESSION* session : sessions) {
    SSL_SESSION_free(session);
  }
}

void SessionStore::offer(const std::string& key, SSL* ssl) noexcept {
  const std::lock_guard lock(mutex_);
  const auto found = kept_.find(key);
  if (found == kept_.end() || found->second[0] == nullptr) {
    return;
  }
  Sessions& sessions = found->second;
  SSL_SESSION* const newest = sessions[0];
  SSL_set_session(ssl, newest);
  if (SSL_SESSION_get_protocol_version(newest) >= TLS1_3_VERSION) {
    std::rotate(sessions.begin(), sessions.begin() + 1, sessions.end());
    sessions.back() = nullptr;
    SSL_SESSION_free(newest);
  }
}

void SessionStore::keep(const std::string& key, SSL_SESSION* session) {
  const std::lock_guard lock(mutex_);
  if (kept_.size() >= kMaxKeys && !kept_.contains(key)) {
    free_all(kept_.begin()->second);
    kept_.erase(kept_.begin());
  }
  Sessions& sessions = kept_[key];
  SSL_SESSION_free(sessions.back());
  std::rotate(sessions.begin(), sessions.end() - 1, sessions.end());
  sessions[0] = session;
}

}  // namespace pingap::tls
