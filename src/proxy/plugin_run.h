// The plugins of one request at work: those of its server, then those of its location. Worker; part
// of a Forwarder, there only where a chain is not empty.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/callback.h"
#include "net/timer.h"
#include "plugin/chain.h"
#include "proxy/body_filters.h"
#include "proxy/generation.h"

namespace pingap::proxy {

class SideCall;
class Worker;

class PluginRun final : public plugin::Host {
 public:
  enum class Outcome : uint8_t {
    through,   // the request goes on
    answered,  // answer() is what the client gets
    waits,     // `resumed` is called, then go_on() says what has come of it
  };

  // All of them outlive this.
  PluginRun(exchange::Exchange& x, Worker& worker, Generation& generation,
            Callback<void()> resumed) noexcept;
  PluginRun(const PluginRun&) = delete;
  PluginRun& operator=(const PluginRun&) = delete;
  ~PluginRun();

  // The request hooks of another chain. Inline: each request with plugins comes by.
  [[gnu::always_inline]] Outcome run(const plugin::Chain& chain) noexcept {
    Part& part = parts_[part_++];
    part.chain = &chain;
    part.states = x_.arena.make_array<void*>(chain.always().size());
    hooks_ |= chain.hooks();
    at_once_ = chain.always().data();
    use_ = 0;
    if (measures_) [[unlikely]] {
      measure_part(part);
    }
    return advance(part);
  }

  // Behind one that had suspended.
  Outcome go_on() noexcept;

  // Whether any of those that were asked has one of these hooks.
  bool has(uint8_t hooks) const noexcept { return (hooks_ & hooks) != 0; }

  // Nobody waits for them any more: the request is answered.
  void stop() noexcept {
    waits_ = false;
    if (waiting_) {
      stop_waiting();
    }
  }

  // The response hooks of all that ran, in reverse. none, or why another answer is to take its
  // place: that is said once.
  ErrorCode on_response() noexcept;
  void on_end() noexcept;

  plugin::Answer& answer() noexcept { return answer_; }

  // What each did, for people: "limit passed 12us, office skipped, key answered 3us". In the arena.
  std::string_view describe() const noexcept;

  // Who gave it.
  std::string_view answered_by() const noexcept { return answered_by_; }

  // Where the request is to go instead of to the location's upstream; empty = nobody has said.
  std::string_view chosen_upstream() const noexcept { return chosen_upstream_; }

  // Of those that ran, in the order in which they see the body.
  BodyFilters request_filters();
  BodyFilters response_filters();

  // plugin::Host
  TimePoint now() const noexcept override;
  WallTime wall_time() const noexcept override;
  std::shared_ptr<plugin::Continuation> continue_later() override;
  void continue_after(Duration pause) noexcept override;
  void at_end(void (*destroy)(void*), void* object) noexcept override;
  uint32_t worker() const noexcept override;
  void ask(plugin::Subrequest what, plugin::Subresponse& to) noexcept override;
  bool send_aside(const plugin::Subrequest& what) noexcept override;
  void choose_upstream(std::string_view name) noexcept override;
  void measure() noexcept override;
  std::string_view server_timing() noexcept override;
  void fail_response(ErrorCode why) noexcept override;

 private:
  class Handle;

  struct Part {
    const plugin::Chain* chain = nullptr;
    void** states = nullptr;    // in the arena, one for each use; set of those that were reached
    size_t reached = 0;         // uses that were looked at
    uint32_t skipped = 0;       // of these, a bit for each whose conditions did not hold
    Duration* spent = nullptr;  // by each use, where it is measured

    bool ran(size_t use) const noexcept { return use < reached && (skipped >> use & 1U) == 0; }
  };

  // What one that waits needs; most requests have none.
  struct Waiting {
    std::shared_ptr<Handle> handle;
    std::unique_ptr<SideCall> call;
    std::optional<net::Timer> timer;
  };

  struct AtEnd {
    void (*destroy)(void*);
    void* object;
    AtEnd* next;
  };

  plugin::Context context(Part& part, size_t use) noexcept;
  Waiting& waiting() noexcept;
  void stop_waiting() noexcept;
  void measure_part(Part& part) noexcept;
  void note_spent(Part& part, size_t use, TimePoint since) noexcept;
  Outcome advance(Part& part) noexcept;
  [[gnu::noinline]] plugin::Verdict ask_rare(Part& part, size_t use, plugin::Context& it) noexcept;
  Outcome take(plugin::Verdict verdict) noexcept;
  const plugin::Instance& running() const noexcept;
  void on_resumed(const std::function<void(void*)>& set) noexcept;
  void on_timer() noexcept;
  void on_call_done() noexcept;
  template <plugin::BodyFilter* (plugin::Plugin::*Filter)(plugin::Context&) const noexcept>
  BodyFilters filters(uint8_t hook);
  // Calls `visit` for each that ran and has one of `hooks`, from the last to the first.
  template <class Visit>
  void backwards(uint8_t hooks, const Visit& visit) noexcept;

  exchange::Exchange& x_;
  Worker& worker_;
  Generation& generation_;
  Callback<void()> resumed_;
  // Chain::always() of the part that runs; none of them where times are measured.
  const plugin::Plugin* const* at_once_ = nullptr;
  std::array<Part, 2> parts_;
  size_t part_ = 0;     // that runs, counted from 1
  size_t use_ = 0;      // of it, that is next
  bool waits_ = false;  // for use_ - 1
  bool measures_ = false;
  uint8_t hooks_ = 0;     // of the chains
  TimePoint asked_at_{};  // the hook that waits was called, where it is measured
  plugin::Answer answer_;
  std::string_view answered_by_;
  std::string_view chosen_upstream_;
  ErrorCode failed_ = ErrorCode::none;  // a response hook
  bool failed_before_ = false;
  std::optional<Waiting> waiting_;
  AtEnd* at_end_ = nullptr;
};

}  // namespace pingap::proxy
