// Every limit that protects the proxy from its peers, in one place. docs/limits.md is generated
// from this file by tools/gen_limits_doc: keep the form `constexpr TYPE kName = value;  // text`.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace pingap::http::limits {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Request head
inline constexpr size_t kRequestHead = 32 * 1024;  // bytes of a request head; 431 (RFC 6585 5)
inline constexpr size_t kTarget = 8 * 1024;        // bytes of a request target; 414
inline constexpr size_t kFields = 128;             // fields of a request head; 431
inline constexpr size_t kMethod = 32;              // bytes of a method; 400
inline constexpr size_t kEmptyLines = 2;           // empty lines before a request line; 400
inline constexpr size_t kConnectionTokens = 32;    // options in Connection; 400
inline constexpr size_t kForwardedHops = 64;       // X-Forwarded-For entries looked at; cut
inline constexpr size_t kPasses = 8;  // entries of Via with our name, where `via` is on; 508

// PROXY protocol (of a listed network)
inline constexpr size_t kProxyHeader = 4 * 1024;  // bytes of a header, 107 in version 1; closed

// Bodies
inline constexpr size_t kChunkExtension = 4 * 1024;  // chunk-extension bytes of a message; 400
inline constexpr size_t kChunkDigits = 16;           // hex digits of a chunk size; 400
inline constexpr size_t kTrailer = 8 * 1024;         // bytes of a trailer section; 400
inline constexpr size_t kWindow = 64 * 1024;    // bytes taken from one side and not yet passed on
inline constexpr size_t kPipeFrom = 64 * 1024;  // body bytes from which it stays in the kernel
inline constexpr size_t kReplay = 64 * 1024;    // request body bytes kept for a second try
inline constexpr size_t kSpool = 1024 * 1024 * 1024;  // bytes of a buffered response; it waits
inline constexpr size_t kDrain = 64 * 1024;           // unread body bytes read away after an answer

// HTTP/2 connections, of clients and to backends; who is over a budget is told to calm down
inline constexpr uint32_t kH2Streams = 100;         // requests at once; RST_STREAM refuses more
inline constexpr size_t kH2HeaderTable = 4 * 1024;  // bytes of an HPACK table, each way
inline constexpr size_t kH2Bomb = 4 * 32 * 1024;    // bytes packed or not; GOAWAY, below: 431
inline constexpr size_t kH2Continuations = 8;       // CONTINUATION frames of a head; GOAWAY
inline constexpr size_t kH2Settings = 32;           // entries of a SETTINGS frame; GOAWAY
inline constexpr size_t kH2Acks = 1000;             // answers to PING and SETTINGS unread; closed
inline constexpr uint32_t kH2ControlBurst = 1000;   // PING, SETTINGS, PRIORITY, empty DATA at once
inline constexpr uint32_t kH2ControlRate = 100;     // of these a second; GOAWAY
inline constexpr uint32_t kH2ResetBurst = 200;      // streams reset before their answer, at once
inline constexpr uint32_t kH2ResetRate = 20;        // of these a second; GOAWAY
inline constexpr uint32_t kH2Refused = 1000;        // refused before SETTINGS was seen; GOAWAY
inline constexpr uint32_t kH2Updates = 10;          // WINDOW_UPDATE for a DATA frame; then control
inline constexpr uint32_t kH2Increment = 1024;      // bytes of one on a shut window, below: control
inline constexpr seconds kH2SettingsAck = seconds(10);  // to acknowledge SETTINGS; GOAWAY
inline constexpr seconds kGrpcIdle = seconds(3600);  // without a byte of a gRPC client's call; 408

// Response head (from a backend)
inline constexpr size_t kResponseHead = 64 * 1024;   // bytes of a response head; 502
inline constexpr size_t kResponseFields = 256;       // fields of a response head; 502
inline constexpr size_t kInterim = 10;               // 1xx answers before the final one; 502
inline constexpr size_t kInterimUnsent = 16 * 1024;  // bytes a client has not taken; no 1xx then

}  // namespace pingap::http::limits
