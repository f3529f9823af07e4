// Connections that serve several requests at once.
#include <algorithm>
#include <utility>

#include "session/h2_client_session.h"
#include "upstream/pool.h"

namespace pingap::upstream {

using session::H2ClientSession;

// All sessions of such a pool are of this kind.
H2ClientSession* EndpointPool::shared(session::ClientSession* session) noexcept {
  return static_cast<H2ClientSession*>(session);
}

void EndpointPool::drain() noexcept {
  max_idle_ = 0;
  leave(Closed::drained);
}

// Uses none of them again.
void EndpointPool::leave(Closed why) noexcept {
  while (session::ClientSession* session = idle_.front()) {
    close(*session, why);
  }
  for (List* list : {&shared_, &full_}) {
    session::ClientSession* next = nullptr;
    for (session::ClientSession* session = list->front(); session != nullptr; session = next) {
      next = list->next(*session);
      shared(session)->drain();
    }
  }
}

uint32_t EndpointPool::count_staying() noexcept {
  uint32_t count = 0;
  for (List* list : {&shared_, &full_}) {
    for (session::ClientSession* at = list->front(); at != nullptr; at = list->next(*at)) {
      count += shared(at)->leaving() ? 0U : 1U;
    }
  }
  return count;
}

// An idle connection may have been closed by the backend while the request is on its way. One that
// has just done so to a request is not alone: then the others have to show that they are alive,
// too.
bool EndpointPool::may_be_stale(const H2ClientSession& session, Reuse reuse) const noexcept {
  if (reuse == Reuse::any || session.connecting() || (reuse == Reuse::recent && !session.idle())) {
    return false;
  }
  return loop_.now() - session.heard_at() > kRecent;
}

// The one that had room last, so that a surplus ages out.
H2ClientSession* EndpointPool::find_shared(Reuse reuse, std::string_view host) noexcept {
  session::ClientSession* next = nullptr;
  for (session::ClientSession* at = shared_.front(); at != nullptr; at = next) {
    next = shared_.next(*at);
    H2ClientSession& session = *shared(at);
    if (session.full() || session.leaving()) {
      if (!session.leaving()) {
        streams_hint_ = std::max(session.limit(), 1U);
      }
      at->ListHook<session::ClientSessionTag>::unlink();
      full_.push_back(session);
      continue;
    }
    if (fits(session, host) && !may_be_stale(session, reuse) && session.takes_new()) {
      return &session;
    }
  }
  return nullptr;
}

H2ClientSession* EndpointPool::add_shared(Dialed dialed, std::string name) noexcept {
  auto session = std::make_unique<H2ClientSession>(loop_, std::move(dialed.transport),
                                                   client_settings_, *this, settings_->max_streams);
  if (!session->start(dialed.in_progress)) {
    return nullptr;
  }
  session->set_server_name(std::move(name));
  session->set_made_at(loop_.now());
  session->set_files_version(dialed.files_version);
  session->expect_limit(streams_hint_);
  ++connections_;
  if (!dialed.known) {
    counts_.add(ServerCounts::opened);
  }
  shared_.push_front(*session);
  return session.release();  // it owns itself until it is closed
}

void EndpointPool::share(H2ClientSession& session) noexcept {
  if (session.idle() && connections_ > max_idle_) {
    close(session, Closed::surplus);
    return;
  }
  if (worn(session) && !session.leaving()) {
    session.drain();  // its last requests end
    return;
  }
  session.ListHook<session::ClientSessionTag>::unlink();
  (session.leaving() || session.full() ? full_ : shared_).push_front(session);
  note_unused(session, session.idle());
}

}  // namespace pingap::upstream
