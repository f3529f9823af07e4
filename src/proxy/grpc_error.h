// Answers of the proxy's own to calls of gRPC. Any thread.
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "http/head.h"

namespace pingap::proxy {

// A whole answer in its head ("trailers-only"): 200, with why in grpc-status and grpc-message.
// Views in `head` live in `arena`.
void render_grpc_error(ErrorCode why, Arena& arena, http::ResponseHead& head) noexcept;

// The end of an answer that has begun. The views live in `arena`.
http::HeaderMap grpc_error_trailers(ErrorCode why, Arena& arena) noexcept;

}  // namespace pingap::proxy
