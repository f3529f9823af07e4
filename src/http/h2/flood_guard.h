// What a peer may do on an HTTP/2 connection, and how often (RFC 9113 10.5, security.md 1F): it is
// told of each frame that arrives, and says which limit that frame breaks. Pure; a member of the
// connection. An error ends the connection with GOAWAY.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"
#include "base/error.h"
#include "http/h2/budget.h"
#include "http/h2/frame.h"
#include "http/limits.h"

namespace pingap::http::h2 {

class FloodGuard {
 public:
  FloodGuard() noexcept;

  // The header of each frame, before anything else looks at it, that of CONTINUATION included.
  ErrorCode on_frame(uint8_t type, size_t length, TimePoint now) noexcept;

  // DATA without a byte of body and without an end, or a head on a stream that is over.
  ErrorCode on_useless_frame(TimePoint now) noexcept { return charge(control_, now); }

  // The rest is said of clients only. Of a backend, WINDOW_UPDATE may come for whatever few bytes
  // it has read, and answers in any order.

  // The head of a request, or its trailers.
  ErrorCode on_headers(int32_t stream) noexcept;

  ErrorCode on_window_update(TimePoint now) noexcept;

  // A window of ours that was shut opens by so little that it is shut again right away.
  ErrorCode on_tiny_increment(TimePoint now) noexcept { return charge(control_, now); }

  // A stream ended before its answer: reset by the client, or by us because of what it did
  // (MadeYouReset, CVE-2025-8671).
  ErrorCode on_reset(TimePoint now) noexcept;

  // The client resets a stream that is over. For each it has opened it may do so once: it may not
  // know yet (RFC 9113 5.1).
  ErrorCode on_late_reset(TimePoint now) noexcept;

  // We refused a stream beyond the limit. Before a client has seen our SETTINGS it cannot know
  // better (RFC 9113 5.1.2), so that these have a budget of their own.
  ErrorCode on_refused_stream(TimePoint now) noexcept;

  void on_settings_ack() noexcept { settings_seen_ = true; }

  // How often something had to be paid for that honest peers hardly do.
  uint32_t charged() const noexcept { return charged_; }

  // A DATA frame of ours has left: it will be acknowledged by WINDOW_UPDATE, and a peer may measure
  // how long it took by a PING (libraries of gRPC do).
  void on_data_sent() noexcept;

 private:
  ErrorCode charge(TokenBucket& bucket, TimePoint now) noexcept;

  TokenBucket control_{limits::kH2ControlBurst, limits::kH2ControlRate};
  TokenBucket resets_{limits::kH2ResetBurst, limits::kH2ResetRate};
  uint32_t charged_ = 0;
  size_t block_ = 0;            // encoded bytes of the header block that is coming
  uint32_t updates_;            // WINDOW_UPDATE frames that cost nothing
  uint32_t pings_ = 0;          // and PING frames
  uint32_t late_ = 0;           // and RST_STREAM frames for streams that are over
  uint32_t refused_ = 0;        // streams, while settings_seen_ is false
  bool settings_seen_ = false;  // by the client
  int32_t newest_ = 0;          // the highest stream of the client
  std::bitset<128> opened_;     // [i]: the stream 2 * i below newest_ was opened
};

}  // namespace pingap::http::h2
