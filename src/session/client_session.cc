#include "session/client_session.h"

#include <cerrno>

namespace pingap::session {
namespace {

ErrorCode connect_error(int error) noexcept {
  switch (error) {
    case ECONNREFUSED:
      return ErrorCode::upstream_refused;
    case ETIMEDOUT:
      return ErrorCode::upstream_connect_timeout;
    default:
      return ErrorCode::upstream_unreachable;
  }
}

ErrorCode handshake_error(int error) noexcept {
  switch (error) {
    case EKEYREJECTED:
      return ErrorCode::upstream_certificate;
    case EPROTONOSUPPORT:
      return ErrorCode::upstream_protocol;
    default:
      return ErrorCode::upstream_tls;
  }
}

// The backend has not seen a byte of a request.
Connecting failed(ErrorCode code, int error, const char* detail) noexcept {
  return {.failure = {code, Side::upstream, Retry::safe, error, detail}};
}

Connecting go_on(net::Transport& transport, bool hangup) noexcept {
  if (const int error = transport.take_error(); error != 0) {
    return failed(connect_error(error), error, nullptr);
  }
  net::IoResult shaken = transport.handshake();
  if (shaken.status == net::IoStatus::would_block && hangup) {
    shaken = transport.handshake();
  }
  switch (shaken.status) {
    case net::IoStatus::would_block:
      return {.connected = true, .failure = {}};
    case net::IoStatus::progress:
      break;
    default: {
      Connecting state =
          failed(handshake_error(shaken.error), shaken.error, transport.handshake_failure());
      state.tls = true;
      return state;
    }
  }
  const auto secured = transport.take_secured();
  return {.done = true,
          .h2 = secured != nullptr && secured->h2,
          .tls = secured != nullptr,
          .connected = true,
          .failure = {}};
}

}  // namespace

Connecting ClientSession::connect_further(net::Transport& transport, bool hangup,
                                          ClientSessionOwner& owner, TimePoint now) noexcept {
  const Connecting state = go_on(transport, hangup);
  if (state.connected && !state.done && !shaking_since_) {
    shaking_since_ = now;
  }
  if (state.tls && state.done) {
    owner.on_session_secured(*this, now - shaking_since_.value_or(now));
  } else if (state.tls) {
    owner.on_session_not_secured(*this);
  }
  return state;
}

ErrorCode ClientSession::connect_timed_out(ClientSessionOwner& owner) noexcept {
  if (!shaking_since_) {
    return ErrorCode::upstream_connect_timeout;
  }
  owner.on_session_not_secured(*this);
  return ErrorCode::upstream_tls_timeout;
}

}  // namespace pingap::session
