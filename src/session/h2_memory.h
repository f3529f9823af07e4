// Where nghttp2 has its memory from. Of each stream it allocates a handful of small blocks and
// frees them again with it: the thread keeps them, by size. Worker: a session lives and dies on a
// thread.
#pragma once

#include <nghttp2/nghttp2.h>

namespace pingap::session {

// For nghttp2_session_*_new3, which copy it.
nghttp2_mem* h2_memory() noexcept;

}  // namespace pingap::session
