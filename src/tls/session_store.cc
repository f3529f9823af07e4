#include "tls/session_store.h"

#include <algorithm>

namespace pingap::tls {

SessionStore::~SessionStore() {
  for (auto& [key, slot] : slots_) {
    for (SSL_SESSION* session : slot.kept) {
      SSL_SESSION_free(session);
    }
  }
}

SessionStore::Slot* SessionStore::slot(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = slots_.find(key);
  if (found != slots_.end()) {
    return &found->second;
  }
  if (slots_.size() >= kMaxSlots) {
    return nullptr;
  }
  Slot& made = slots_[key];
  made.store = this;
  return &made;
}

void SessionStore::offer(Slot& slot, SSL* ssl) noexcept {
  const std::lock_guard lock(mutex_);
  SSL_SESSION* const newest = slot.kept[0];
  if (newest == nullptr) {
    return;
  }
  SSL_set_session(ssl, newest);
  if (SSL_SESSION_get_protocol_version(newest) >= TLS1_3_VERSION) {
    std::rotate(slot.kept.begin(), slot.kept.begin() + 1, slot.kept.end());
    slot.kept.back() = nullptr;
    SSL_SESSION_free(newest);
  }
}

void SessionStore::keep(Slot& slot, SSL_SESSION* session) noexcept {
  const std::lock_guard lock(mutex_);
  SSL_SESSION_free(slot.kept.back());
  std::rotate(slot.kept.begin(), slot.kept.end() - 1, slot.kept.end());
  slot.kept[0] = session;
}

}  // namespace pingap::tls
