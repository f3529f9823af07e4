// What nghttp2 calls, handed on to the session. Any thread: made once.
#pragma once

struct nghttp2_session_callbacks;

namespace pingap::session {

// Never freed: it lives as long as the process.
const nghttp2_session_callbacks* make_h2_server_callbacks() noexcept;

}  // namespace pingap::session
