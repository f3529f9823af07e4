// Request and response heads as every protocol of ours sees them: neutral, already checked.
// Views point into `storage` or the exchange's arena. Worker.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/chunk.h"
#include "http/header_map.h"
#include "http/method.h"

namespace pingap::http {

// How the end of the body is found. Computed once, by the codec (RFC 9112 6.3): nobody behind the
// parser looks at Content-Length or Transfer-Encoding again.
enum class Framing : uint8_t { none, length, chunked, until_close, tunnel };

// Unknown: the line that should have said it was refused.
enum class Version : uint8_t { http10, http11, http2, unknown };

// As a request line writes it; empty for unknown.
constexpr std::string_view to_string(Version version) noexcept {
  constexpr std::string_view kNames[] = {"HTTP/1.0", "HTTP/1.1", "HTTP/2.0", {}};
  return kNames[static_cast<size_t>(version)];
}

struct RequestHead {
  Method method = Method::get;
  Version version = Version::http11;
  Framing framing = Framing::none;
  // The client keeps the connection open after this message (RFC 9112 9.3).
  bool keep_alive = true;
  // Connection names other fields, which must not be forwarded (RFC 9110 7.6.1).
  bool connection_names_fields = false;
  // "Expect: 100-continue" was there (RFC 9110 10.1.1).
  bool expect_continue = false;
  // "Connection: upgrade" and exactly one Upgrade token "websocket" were there, the request is a
  // GET of HTTP/1.1 without body and with a key of 16 bytes, version 13 (RFC 6455 4.2.1). In HTTP/2
  // it was an extended CONNECT for "websocket", version 13 (RFC 8441 5): that is a GET here, too.
  bool websocket = false;
  // `target` is "*" (OPTIONS only).
  bool asterisk = false;
  uint64_t content_length = 0;   // where framing == length
  std::string_view method_text;  // as sent
  // origin-form ("/path?query") or "*"; an absolute-form target is split into this and authority.
  std::string_view target;
  // Host without port, as sent, from the absolute-form target or Host; empty in HTTP/1.0 without.
  std::string_view host;
  // Host with port as sent: what is forwarded as Host.
  std::string_view authority;
  HeaderMap headers;
  ChunkRef storage;  // keeps the views alive
};

struct ResponseHead {
  uint16_t status = 200;
  Version version = Version::http11;
  Framing framing = Framing::none;
  bool keep_alive = true;
  bool connection_names_fields = false;  // as in RequestHead
  bool keep_alive_hint = false;          // a Keep-Alive field is there
  // 101 whose Connection and Upgrade agree on "websocket" (the accept key is the proxy's check).
  bool websocket = false;
  uint64_t content_length = 0;  // where framing == length, and for HEAD/304 what would have been
  bool has_content_length = false;
  std::string_view reason;  // as sent, may be empty
  HeaderMap headers;
  ChunkRef storage;
};

}  // namespace pingap::http
