// Writes HTTP/1 heads and chunk framing. Pure; what it writes re-parses under our own grammar.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/byte_queue.h"
#include "http/head.h"

namespace pingap::http::h1 {

// What the connection decides about a head, beside the head itself.
struct RequestStyle {
  bool keep_alive = true;  // false writes "Connection: close"
};

struct ResponseStyle {
  Version client = Version::http11;
  bool keep_alive = true;
  bool date = true;  // add Date when the head has none (RFC 9110 6.6.1)
};

// Appends "METHOD target HTTP/1.1", Host from head.authority (first, exactly one), the fields that
// are not removed, then one framing: Content-Length, "Transfer-Encoding: chunked" or nothing, by
// head.framing. Fields with id host, content_length, transfer_encoding, connection are never
// copied: they are written from the head (upgrade: "Connection: upgrade" where head.websocket and
// framing tunnel). `End` is not its business.
void write_request(const RequestHead& head, const RequestStyle& style, ByteQueue& out) noexcept;

// The same for a response or a 1xx. framing until_close forces "Connection: close"; head_only
// answers (HEAD, 304) keep a Content-Length that was there.
void write_response(const ResponseHead& head, const ResponseStyle& style, ByteQueue& out) noexcept;

// "1a2b\r\n" in front of a chunk, into `room`; returns its length. At most 18 bytes.
size_t write_chunk_head(uint64_t size, char* room) noexcept;
// The last chunk with its trailer section and the empty line.
void write_last_chunk(const HeaderMap* trailers, ByteQueue& out) noexcept;

}  // namespace pingap::http::h1
