#include "proxy/plugin_run.h"

#include <string>

#include <fmt/format.h>

#include "base/strings.h"
#include "net/event_loop.h"
#include "proxy/request_trace.h"
#include "proxy/side_call.h"
#include "proxy/worker.h"

namespace pingap::proxy {

using plugin::Plugin;
using plugin::Verdict;

// What a suspended plugin holds: it may call long after the request is gone.
class PluginRun::Handle final : public plugin::Continuation,
                                public std::enable_shared_from_this<PluginRun::Handle> {
 public:
  Handle(PluginRun& run, net::EventLoop& loop) noexcept : run_(&run), loop_(loop) {}

  void resume(std::function<void(void*)> set) override {
    loop_.post([self = shared_from_this(), set = std::move(set)] {
      if (self->run_ != nullptr) {
        self->run_->on_resumed(set);
      }
    });
  }

  void forget() noexcept { run_ = nullptr; }

 private:
  PluginRun* run_;  // the worker's thread only
  net::EventLoop& loop_;
};

PluginRun::PluginRun(exchange::Exchange& x, Worker& worker, Generation& generation,
                     Callback<void()> resumed) noexcept
    : x_(x), worker_(worker), generation_(generation), resumed_(resumed) {
}

PluginRun::~PluginRun() {
  stop();
  for (AtEnd* one = at_end_; one != nullptr; one = one->next) {
    one->destroy(one->object);
  }
}

void PluginRun::stop() noexcept {
  waits_ = false;
  timer_.reset();
  call_.reset();
  if (handle_ != nullptr) {
    handle_->forget();
    handle_.reset();
  }
}

plugin::Context PluginRun::context(Part& part, size_t use) noexcept {
  return {x_, *this, part.states[use], answer_};
}

PluginRun::Outcome PluginRun::run(const plugin::Chain& chain) noexcept {
  Part& part = parts_[part_++];
  part.chain = &chain;
  part.states = x_.arena.make_array<void*>(chain.uses().size());
  std::fill_n(part.states, chain.uses().size(), nullptr);
  if (measures_) {
    make_room_for_times(part);
  }
  use_ = 0;
  return advance();
}

// What changes with each use is kept out of members, which a hook might look at for all the
// compiler knows.
PluginRun::Outcome PluginRun::advance() noexcept {
  Part& part = parts_[part_ - 1];
  const std::vector<plugin::Use>& uses = part.chain->uses();
  const plugin::Use* const first = uses.data();
  const plugin::Use* const end = first + uses.size();
  uint32_t bit = uint32_t{1} << (use_ & 31);
  uint32_t ran = part.ran;
  void** state = part.states + use_;
  for (const plugin::Use* use = first + use_; use != end; ++use, ++state, bit <<= 1) {
    if (!use->is_for(x_)) {
      continue;
    }
    ran |= bit;
    if ((use->hooks & Plugin::kRequest) == 0) {
      continue;
    }
    plugin::Context it{x_, *this, *state, answer_};
    const Verdict verdict = measures_ ? ask_measured(part, *use, it) : use->plugin->on_request(it);
    if (verdict != Verdict::next) {
      part.ran = ran;
      use_ = static_cast<size_t>(use - first) + 1;
      return take(verdict);
    }
  }
  part.ran = ran;
  use_ = uses.size();
  return Outcome::through;
}

plugin::Verdict PluginRun::ask_measured(Part& part, const plugin::Use& use,
                                        plugin::Context& it) noexcept {
  asked_at_ = steady_now();
  const Verdict verdict = use.plugin->on_request(it);
  if (verdict != Verdict::suspend) {
    note_spent(part, static_cast<size_t>(&use - part.chain->uses().data()), asked_at_);
  }
  return verdict;
}

PluginRun::Outcome PluginRun::take(Verdict verdict) noexcept {
  if (verdict == Verdict::suspend) {
    waits_ = true;
    note_event(x_, now(), "pingap.plugin.waits", running());
    return Outcome::waits;
  }
  if (verdict == Verdict::respond) {
    answered_by_ = running();
    return Outcome::answered;
  }
  return advance();
}

// The name of the one that runs, or ran last.
std::string_view PluginRun::running() const noexcept {
  return parts_[part_ - 1].chain->uses()[use_ - 1].instance->source.name;
}

PluginRun::Outcome PluginRun::go_on() noexcept {
  note_event(x_, now(), "pingap.plugin.resumed", running());
  Part& part = parts_[part_ - 1];
  plugin::Context it = context(part, use_ - 1);
  const Verdict verdict = part.chain->uses()[use_ - 1].plugin->on_resume(it);
  if (measures_ && verdict != Verdict::suspend) [[unlikely]] {
    note_spent(part, use_ - 1, asked_at_);  // with what it has waited
  }
  return take(verdict);
}

void PluginRun::on_resumed(const std::function<void(void*)>& set) noexcept {
  if (!waits_) {
    return;
  }
  if (set) {
    set(parts_[part_ - 1].states[use_ - 1]);
  }
  stop();
  resumed_();
}

void PluginRun::on_timer() noexcept {
  on_resumed({});
}

template <class Visit>
void PluginRun::backwards(uint8_t hooks, const Visit& visit) noexcept {
  for (size_t p = part_; p-- > 0;) {
    Part& part = parts_[p];
    if ((part.chain->hooks() & hooks) == 0) {
      continue;
    }
    const std::vector<plugin::Use>& uses = part.chain->uses();
    for (size_t i = uses.size(); i-- > 0;) {
      if ((uses[i].hooks & hooks) != 0 && (part.ran >> i & 1U) != 0) {
        plugin::Context it = context(part, i);
        const TimePoint since = measures_ ? steady_now() : TimePoint{};
        visit(*uses[i].plugin, it);
        if (measures_) [[unlikely]] {
          note_spent(part, i, since);
        }
      }
    }
  }
}

ErrorCode PluginRun::on_response() noexcept {
  failed_ = ErrorCode::none;
  backwards(Plugin::kResponse,
            [](const Plugin& plugin, plugin::Context& it) { plugin.on_response(it); });
  if (failed_ == ErrorCode::none || std::exchange(failed_before_, true)) {
    return ErrorCode::none;
  }
  return failed_;
}

void PluginRun::on_end() noexcept {
  backwards(Plugin::kEnd, [](const Plugin& plugin, plugin::Context& it) { plugin.on_end(it); });
}

PluginRun::Filters PluginRun::response_filters() {
  Filters filters;
  backwards(Plugin::kResponseBody, [&](const Plugin& plugin, plugin::Context& it) {
    if (plugin::BodyFilter* filter = plugin.response_body(it)) {
      filters.push_back(filter);
    }
  });
  return filters;
}

PluginRun::Filters PluginRun::request_filters() {
  Filters filters;
  backwards(Plugin::kRequestBody, [&](const Plugin& plugin, plugin::Context& it) {
    if (plugin::BodyFilter* filter = plugin.request_body(it)) {
      filters.insert(filters.begin(), filter);
    }
  });
  return filters;
}

TimePoint PluginRun::now() const noexcept {
  return worker_.loop().now();
}

WallTime PluginRun::wall_time() const noexcept {
  return worker_.wall_time();
}

void PluginRun::fail_response(ErrorCode why) noexcept {
  failed_ = why;
}

uint32_t PluginRun::worker() const noexcept {
  return worker_.index();
}

std::shared_ptr<plugin::Continuation> PluginRun::continue_later() {
  handle_ = std::make_shared<Handle>(*this, worker_.loop());
  return handle_;
}

void PluginRun::continue_after(Duration pause) noexcept {
  timer_.emplace(Callback<void()>::of<&PluginRun::on_timer>(this));
  worker_.loop().arm(*timer_, pause);
}

void PluginRun::ask(plugin::Subrequest what, plugin::Subresponse& to) noexcept {
  const Cluster* cluster = generation_.snapshot->find_cluster(what.upstream);
  call_ = std::make_unique<SideCall>(worker_, *cluster, std::move(what), &to, x_.arena,
                                     Callback<void()>::of<&PluginRun::on_call_done>(this));
  call_->start();
}

// The call says so itself, and is still at it.
void PluginRun::on_call_done() noexcept {
  worker_.loop().retire(call_.release());
  on_resumed({});
}

bool PluginRun::send_aside(const plugin::Subrequest& what) noexcept {
  const Cluster* cluster = generation_.snapshot->find_cluster(what.upstream);
  return worker_.loose_calls().start(generation_, *cluster, what);
}

void PluginRun::choose_upstream(std::string_view name) noexcept {
  chosen_upstream_ = name;
}

// ---- how long they take

void PluginRun::make_room_for_times(Part& part) noexcept {
  const size_t count = part.chain->uses().size();
  part.spent = x_.arena.make_array<Duration>(count);
  std::fill_n(part.spent, count, Duration::zero());
}

void PluginRun::measure() noexcept {
  if (!std::exchange(measures_, true)) {
    asked_at_ = steady_now();
    for (size_t p = 0; p < part_; ++p) {
      make_room_for_times(parts_[p]);
    }
  }
}

void PluginRun::note_spent(Part& part, size_t use, TimePoint since) noexcept {
  part.spent[use] += steady_now() - since;
}

std::string_view PluginRun::server_timing() noexcept {
  fmt::memory_buffer text;
  const auto add = [&](std::string_view name, Duration took) {
    if (text.size() > 0) {
      text.append(std::string_view(", "));
    }
    for (const char c : name) {  // a token (RFC 9110 5.6.2)
      const char lower = to_lower(c);
      text.push_back((lower >= 'a' && lower <= 'z') || is_digit(c) || c == '-' ? c : '_');
    }
    const double milliseconds = std::chrono::duration<double, std::milli>(took).count();
    fmt::format_to(std::back_inserter(text), ";dur={:.3f}", milliseconds);
  };
  for (size_t p = 0; p < part_ && measures_; ++p) {
    const auto& uses = parts_[p].chain->uses();
    for (size_t i = 0; i < uses.size(); ++i) {
      if (parts_[p].spent[i] > Duration::zero()) {
        add(uses[i].instance->source.name, parts_[p].spent[i]);
      }
    }
  }
  if (x_.first_byte != TimePoint{}) {
    add("backend", x_.first_byte - x_.connect_start);
  }
  add("total", steady_now() - x_.started);
  return x_.arena.copy({text.data(), text.size()});
}

void PluginRun::at_end(void (*destroy)(void*), void* object) noexcept {
  at_end_ = x_.arena.make<AtEnd>(AtEnd{destroy, object, at_end_});
}

}  // namespace pingap::proxy
