#include "session/client_session.h"

#include <cerrno>

namespace pingap::session {

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

}  // namespace pingap::session
