// One try at a backend: owns the stream to it, passes what it says on to the forwarder, and says
// how it went to those who choose the next. Worker. A retry drops it and builds the next, so that
// no state of a try survives it.
#pragma once

#include <cstdint>
#include <utility>

#include "http/stream.h"
#include "proxy/snapshot.h"
#include "trace/request_trace.h"
#include "upstream/backends.h"

namespace pingap::proxy {

class Forwarder;

// What the end of a try without a whole answer says of the server; `reused`: its connection was.
upstream::Outcome outcome_of(const Error& why, bool reused) noexcept;

class Attempt final : public http::ResponseSink {
 public:
  // `picked` by `backends`, those of `cluster`. `repeats`: their begin_retry() has counted it.
  Attempt(Forwarder& forwarder, upstream::Backends& backends, const Cluster& cluster,
          const upstream::Backends::Picked& picked, bool repeats) noexcept
      : forwarder_(forwarder),
        backends_(backends),
        cluster_(cluster),
        pool_(*picked.pool),
        permit_(picked.permit),
        whole_(picked.whole),
        begun_(backends.now()),
        repeats_(repeats) {
    backends_.begin_try(pool_, repeats);
  }

  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;
  ~Attempt();

  // What is to be remembered of it; null: nothing.
  void trace_by(trace::Try* traced) noexcept { traced_ = traced; }

  void start(const upstream::EndpointPool::Opened& opened) noexcept {
    stream_ = opened.stream;
    reused_ = opened.reused;
    connecting_ = opened.connecting;
    if (traced_ != nullptr) {
      traced_->reused = reused_;
    }
  }

  http::ClientStream* stream() noexcept { return stream_; }

  // Gives the backend up.
  void abandon(ErrorCode why) noexcept;

  // The same, and everything that is counted for it; also from inside its own calls. What is left
  // may only be destroyed.
  void end() noexcept;

  const upstream::Endpoint& endpoint() const noexcept { return pool_.endpoint(); }

  bool reused() const noexcept { return reused_; }

  // Its own connection does not stand yet: nothing of the request has been sent.
  bool connecting() const noexcept { return connecting_; }

  // It is over, as far as the budget of repeated ones goes.
  void end_retry() noexcept {
    if (repeats_) {
      repeats_ = false;
      backends_.end_retry();
    }
  }

  // Counts that it came to nothing, whoever's fault that is.
  void count_failure(ErrorCode why) noexcept { pool_.counts().add(why); }

  // It failed before its answer was whole.
  void note_failure(const Error& why) noexcept;

  // Another server was faster, though it was asked later.
  void note_late() noexcept { report(upstream::Outcome::late); }

  // http::ResponseSink
  void on_connected() noexcept override;
  void on_head(http::ResponseHead& head, End end) noexcept override;
  void on_body(ByteQueue& data, End end) noexcept override;
  void on_piped(size_t bytes, End end) noexcept override;
  void on_trailers(http::HeaderMap& trailers) noexcept override;
  void on_sent(size_t bytes) noexcept override;
  void on_closed(const Error& why) noexcept override;

 private:
  void let_go() noexcept;
  void report(upstream::Outcome outcome) noexcept;
  void note_answer(const http::ResponseHead& head, End end) noexcept;
  void note_well() noexcept;
  void trace_end(ErrorCode why) noexcept;

  Forwarder& forwarder_;
  upstream::Backends& backends_;
  const Cluster& cluster_;
  upstream::EndpointPool& pool_;
  const upstream::Breaker::Permit permit_;
  const upstream::Breaker::Permit whole_;
  const TimePoint begun_;
  http::ClientStream* stream_ = nullptr;
  trace::Try* traced_ = nullptr;  // in the exchange's arena, which may go before this
  uint64_t body_sent_ = 0;        // of the request body, by this try
  uint8_t interim_ = 0;           // 1xx answers so far
  bool reused_ = false;           // the connection
  bool connecting_ = false;       // that is made for it
  bool well_ = false;             // so far: its answer has begun, and is none that is a failure
  bool reported_ = false;
  bool ended_ = false;
  bool repeats_ = false;  // it is still counted as a repeated one
};

}  // namespace pingap::proxy
