// The way of one request through the proxy, readable from top to bottom in forwarder.cc; what
// happens when a try fails is in forwarder_retry.cc, when it is only slow in forwarder_hedge.cc
// and, while it connects, forwarder_race.cc, answers of our own and the end are in
// forwarder_answers.cc, what plugins do on the way is in forwarder_plugins.cc, bodies as they come
// are in forwarder_bodies.cc, what is told of it meanwhile is in forwarder_view.cc. Worker.
//
//   receiving --route--> [buffering] --> connecting --head--> responding --> done
//       |    [plugins]                       |  ^                |
//       +---- refused, no route, ... --------+  +--- retry ------+ (only before a response byte)
//             answered here
//
// Lives in a slab block of its worker; retired when the client's stream is over.
#pragma once

#include <array>
#include <optional>

#include "base/byte_queue.h"
#include "base/intrusive_list.h"
#include "base/pipe.h"
#include "base/slab.h"
#include "exchange/exchange.h"
#include "http/stream.h"
#include "net/event_loop.h"
#include "net/proxy_protocol.h"
#include "net/timer.h"
#include "proxy/attempt.h"
#include "proxy/filtered_response.h"
#include "proxy/grpc_web.h"
#include "proxy/plugin_run.h"
#include "proxy/request_body.h"
#include "proxy/response_body.h"
#include "proxy/snapshot.h"
#include "upstream/backends.h"

namespace pingap::session {
class ServerSession;
}

namespace pingap::proxy {

class Frontend;
class RequestWatch;
struct Generation;
struct UnderWay;
struct UnderWayTag;

class Forwarder final : public http::RequestSink,
                        public net::Deferrable,
                        public upstream::Waiting,
                        public net::Retirable,
                        public ListHook<UnderWayTag>,
                        public Pooled<Forwarder> {
 public:
  Forwarder(Frontend& frontend, http::ServerStream& client,
            session::ServerSession& session) noexcept;
  ~Forwarder() override;

  // http::RequestSink: the client
  void on_head(http::RequestHead& head, End end) noexcept override;
  void on_refused(ErrorCode why, std::string_view head) noexcept override;
  void on_malformed(ErrorCode why, std::string_view head) noexcept override;
  void on_body(ByteQueue& data, End end) noexcept override;
  void on_piped(size_t bytes, End end) noexcept override;
  void on_trailers(http::HeaderMap& trailers) noexcept override;
  void on_sent(size_t bytes) noexcept override;
  void on_closed(const Error& why) noexcept override;

  // Attempt: the backend
  void on_connected(const Attempt& from) noexcept;
  void on_interim(const Attempt& from, http::ResponseHead& head) noexcept;
  void on_response(Attempt& from, http::ResponseHead& head, End end) noexcept;
  void on_response_body(ByteQueue& data, End end) noexcept;
  void on_response_piped(size_t bytes, End end) noexcept;
  void on_response_trailers(http::HeaderMap& trailers) noexcept;
  void on_request_sent(uint64_t body_bytes) noexcept;
  void on_attempt_failed(Attempt& from, const Error& why) noexcept;

  TimePoint now() const noexcept;

  // For who asks what is under way.
  UnderWay describe() const;

  bool is_tunnel() const noexcept { return tunnel_; }

  void on_deferred() noexcept override;  // the next try
  Turn on_turn() noexcept override;      // a server may have room

 private:
  enum class Phase : uint8_t {
    receiving,  // also while a plugin has it wait
    buffering,
    connecting,
    responding,
    answered,
    done
  };

  bool watch_deadline() noexcept;
  void on_deadline() noexcept;
  bool admit() noexcept;
  bool identify() noexcept;
  void route() noexcept;
  void go_to_backend() noexcept;
  void ask_for_body() noexcept;
  void bridge_grpc_web() noexcept;

  void choose_upstream() noexcept;
  bool run_plugins(const plugin::Chain& chain) noexcept;
  bool proceed(PluginRun::Outcome outcome) noexcept;
  void on_plugins_resumed() noexcept;
  void answer_for_plugin() noexcept;
  void pump_source() noexcept;
  End take_source(size_t bytes) noexcept;
  Result<> copy_source(uint64_t most) noexcept;
  Result<> pipe_source(uint64_t most) noexcept;
  void open_request_filters();
  bool hold_body(ByteQueue& data, End end) noexcept;
  void release_early_body() noexcept;
  bool edit_response(End& head_end);

  // Whether plugins have a say in it.
  bool edits_response() const noexcept {
    return plugins_ && plugins_->has(plugin::Plugin::kResponse | plugin::Plugin::kResponseBody);
  }

  void send_made_body(End head_end, End end) noexcept;
  void on_filtered_sent(size_t bytes) noexcept;
  void on_filter_failed(const Error& why) noexcept;
  void try_backend() noexcept;
  bool open_try(upstream::Backends& backends, const upstream::Backends::Picked& picked,
                upstream::Reuse reuse) noexcept;
  void watch_try() noexcept;
  bool pick_server(upstream::Backends& backends, upstream::Backends::Picked& picked) noexcept;
  bool is_home() const noexcept;
  void keep_client_here() noexcept;
  void drop_attempt() noexcept;
  void abandon_tries(ErrorCode why) noexcept;
  void note_failed(std::string_view server, std::string_view how) noexcept;
  void answer_unplaced(const upstream::Backends& backends) noexcept;
  void answer_none(const upstream::Backends& backends) noexcept;
  std::string_view proxy_header(net::ProxyVersion version) noexcept;

  bool wait_for_room(upstream::Backends& backends) noexcept;
  void note_queued() noexcept;
  void leave_queue() noexcept;

  // What timer_ ends: the time for a try, that of a second one beside it, that of a connection
  // before another one is tried beside it, the pause before a try, the wait for a server.
  enum class TimerFor : uint8_t { attempt, hedge, race, pause, queue };

  // The earlier one of two tries that are under way, and what the record has of the later one.
  struct Rival {
    Attempt* attempt;
    size_t server;
    TimePoint connect_start;
    TimePoint request_sent;
    bool races;  // the one of them that connects first is the only one from then on
  };

  // Whether the server may have acted on the request.
  enum class Seen : bool { no, yes };

  bool can_repeat() const noexcept;
  bool may_repeat(Seen seen) const noexcept;
  bool may_repeat_stale(Seen seen) const noexcept;
  bool in_retry_window() const noexcept;
  bool goes_to_next_tier(Seen seen) noexcept;
  bool begin_retry(Seen seen) noexcept;
  void drop_retry() noexcept;
  bool retry(const Error& why) noexcept;
  bool retry_status() noexcept;
  std::string_view status_text(uint16_t status) noexcept;
  std::string_view how_it_failed() noexcept;
  void try_again() noexcept;
  void forget_tried() noexcept;
  void arm_timer(TimerFor what, Duration after) noexcept;
  void on_timer() noexcept;
  void on_late() noexcept;

  void watch_connect() noexcept;
  void race() noexcept;

  bool may_add_try(const upstream::Backends& backends) const noexcept;
  bool may_hedge(const upstream::Backends& backends) const noexcept;
  void hedge() noexcept;
  void stand_in() noexcept;
  void settle(const Attempt& winner) noexcept;
  void lose(Attempt& loser, std::string_view how) noexcept;

  void send_request() noexcept;
  void offer_pipe(http::Stream& from, const http::Stream& to, uint64_t rest) noexcept;

  http::ClientStream* upstream() noexcept {
    return attempt_ != nullptr ? attempt_->stream() : nullptr;
  }

  bool answered() const noexcept { return phase_ == Phase::answered || phase_ == Phase::done; }

  void end_response() noexcept;
  void note_refused(std::string_view head) noexcept;
  void answer_error(ErrorCode why, Side side) noexcept;
  void begin_own_answer(ErrorCode why) noexcept;
  void render_page(uint16_t status, ErrorCode why, ByteQueue& body) noexcept;
  void send_own_answer(ByteQueue& body, End end = End::yes) noexcept;
  void abort_response(ErrorCode why, Side side) noexcept;
  std::string_view phase_text() const noexcept;
  void note_watched(RequestWatch& watch) noexcept;
  void finish() noexcept;

  Frontend& frontend_;
  http::ServerStream* client_;
  const session::ServerSession& session_;  // of client_: while that may be used
  Generation& generation_;
  const Site& site_;
  const Route* route_ = nullptr;
  const Cluster* cluster_ = nullptr;                   // the upstream, once it is chosen
  const session::ClientSettings* settings_ = nullptr;  // for it
  Phase phase_ = Phase::receiving;
  bool client_gone_ = false;  // client_ must not be used any more
  bool tunnel_ = false;
  bool was_stale_ = false;  // the request has met a kept connection that had died
  bool had_stale_ = false;  // just now: the next try takes a fresh one to the same server
  bool fresh_ = false;      // the server that was picked gets a new connection
  bool repeats_ = false;    // the next try is counted as a repeated one
  bool waits_on_ = false;   // on its turn there was no room
  bool its_turn_ = false;   // in the queue for a server
  TimerFor timer_for_ = TimerFor::attempt;
  uint8_t least_tier_ = 0;           // of priority, of the servers of the next tries
  uint32_t retries_ = 0;             // but for a dead connection that had taken nothing
  uint32_t retry_after_ = 0;         // s, for an answer of 503
  uint32_t set_version_ = 0;         // that server_ and tried_ are of
  size_t server_ = 0;                // of the current try
  upstream::balancer::Tried tried_;  // servers
  TimePoint queued_at_{};            // since when it waits for a server
  Error last_error_;                 // of the try before
  std::optional<net::Timer> timer_;  // most requests need neither of them
  std::optional<net::Timer> deadline_;
  std::optional<GrpcWeb> web_;  // then it is client_
  Pipe::Handle pipe_;           // of a long body, if there is one
  Attempt* attempt_ = nullptr;  // in one of tries_: that which is to answer
  std::optional<Rival> rival_;  // most requests never have one
  std::array<std::optional<Attempt>, 2> tries_;

 public:
  exchange::Exchange x;

 private:
  RequestBody request_body_;
  ResponseBody response_body_;
  std::optional<PluginRun> plugins_;          // where there are any
  BodyFilters request_filters_;               // of theirs
  std::optional<FilteredResponse> filtered_;  // then it is client_
  bool holds_body_ = false;  // plugins that filter it have not let the request through yet
  End early_end_ = End::no;
  std::optional<ByteQueue> early_;  // of the body, held so; most requests have none
  // Of an answer of a plugin's, with what is left of it and what of it is on its way.
  std::unique_ptr<plugin::BodySource> source_;
  uint64_t source_left_ = 0;
  uint64_t source_in_flight_ = 0;
  bool source_fills_ = false;  // pipe_
  // The last member: the arena's first block.
  static constexpr size_t kFirstBlock = 6 * 1024;
  std::array<char, kFirstBlock> first_block_;
};

}  // namespace pingap::proxy
