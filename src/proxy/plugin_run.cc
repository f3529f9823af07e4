#include "proxy/plugin_run.h"

#include <string>

#include "base/strings.h"
#include "net/event_loop.h"
#include "proxy/request_trace.h"
#include "proxy/side_call.h"
#include "proxy/worker.h"

namespace pingap::proxy {

using plugin::Plugin;
using plugin::Verdict;

// For chains of which no plugin is asked at once.
constexpr std::array<const Plugin*, plugin::Chain::kMost> kNone{};

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

PluginRun::Waiting& PluginRun::waiting() noexcept {
  return waiting_ ? *waiting_ : waiting_.emplace();
}

void PluginRun::stop_waiting() noexcept {
  if (waiting_->handle != nullptr) {
    waiting_->handle->forget();
  }
  waiting_.reset();
}

plugin::Context PluginRun::context(Part& part, size_t use) noexcept {
  return {x_, *this, part.states[use], answer_};
}

// Each costs every request some twenty instructions: what is rare is elsewhere.
PluginRun::Outcome PluginRun::advance(Part& part) noexcept {
  const size_t count = part.chain->always().size();
  void** const states = part.states;
  for (size_t i = use_; i < count; ++i) {
    states[i] = nullptr;
    plugin::Context it{x_, *this, states[i], answer_};
    const Plugin* const plugin = at_once_[i];
    const Verdict verdict = plugin != nullptr ? plugin->on_request(it) : ask_rare(part, i, it);
    if (verdict != Verdict::next) [[unlikely]] {
      use_ = part.reached = i + 1;
      return take(verdict);
    }
  }
  use_ = part.reached = count;
  return Outcome::through;
}

// One that is not always asked, or whose time is measured.
plugin::Verdict PluginRun::ask_rare(Part& part, size_t use, plugin::Context& it) noexcept {
  const plugin::Use& what = part.chain->uses()[use];
  if (!what.is_for(x_)) {
    part.skipped |= uint32_t{1} << use;
    return Verdict::next;
  }
  if ((what.hooks & Plugin::kRequest) == 0) {
    return Verdict::next;
  }
  if (!measures_) {
    return what.plugin->on_request(it);
  }
  asked_at_ = steady_now();
  const Verdict verdict = what.plugin->on_request(it);
  if (verdict != Verdict::suspend) {
    note_spent(part, use, asked_at_);
  }
  return verdict;
}

PluginRun::Outcome PluginRun::take(Verdict verdict) noexcept {
  if (verdict == Verdict::suspend) {
    waits_ = true;
    note_event(x_, now(), "pingap.plugin.waits", running().source.name);
    return Outcome::waits;
  }
  if (verdict == Verdict::respond) {
    const plugin::Instance& who = running();
    answered_by_ = who.source.name;
    if (answer_.reason != ErrorCode::none) {
      who.counts->add(worker_.index(), answer_.reason);
    }
    return Outcome::answered;
  }
  return advance(parts_[part_ - 1]);
}

// The one that runs, or ran last.
const plugin::Instance& PluginRun::running() const noexcept {
  return *parts_[part_ - 1].chain->uses()[use_ - 1].instance;
}

PluginRun::Outcome PluginRun::go_on() noexcept {
  note_event(x_, now(), "pingap.plugin.resumed", running().source.name);
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
    for (size_t i = part.reached; i-- > 0;) {
      if ((uses[i].hooks & hooks) != 0 && part.ran(i)) {
        plugin::Context it = context(part, i);
        const TimePoint since = measures_ ? steady_now() : TimePoint{};
        visit(uses[i], it);
        if (measures_) [[unlikely]] {
          note_spent(part, i, since);
        }
      }
    }
  }
}

ErrorCode PluginRun::on_response() noexcept {
  failed_ = ErrorCode::none;
  backwards(Plugin::kResponse, [this](const plugin::Use& use, plugin::Context& it) {
    const ErrorCode before = std::exchange(failed_, ErrorCode::none);
    use.plugin->on_response(it);
    if (failed_ != ErrorCode::none) {
      x_.plugin = use.instance->source.name;
      use.instance->counts->add(worker_.index(), failed_);
    } else {
      failed_ = before;
    }
  });
  if (failed_ == ErrorCode::none || std::exchange(failed_before_, true)) {
    return ErrorCode::none;
  }
  return failed_;
}

void PluginRun::on_end() noexcept {
  backwards(Plugin::kEnd,
            [](const plugin::Use& use, plugin::Context& it) { use.plugin->on_end(it); });
}

// From the last to the first.
template <plugin::BodyFilter* (Plugin::*Filter)(plugin::Context&) const noexcept>
BodyFilters PluginRun::filters(uint8_t hook) {
  BodyFilters all(x_, worker_.index());
  backwards(hook, [&all](const plugin::Use& use, plugin::Context& it) {
    if (plugin::BodyFilter* filter = (use.plugin->*Filter)(it)) {
      all.add(*filter, *use.instance);
    }
  });
  return all;
}

BodyFilters PluginRun::response_filters() {
  return filters<&Plugin::response_body>(Plugin::kResponseBody);
}

BodyFilters PluginRun::request_filters() {
  BodyFilters all = filters<&Plugin::request_body>(Plugin::kRequestBody);
  all.reverse();
  return all;
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
  std::shared_ptr<Handle>& handle = waiting().handle;
  handle = std::make_shared<Handle>(*this, worker_.loop());
  return handle;
}

void PluginRun::continue_after(Duration pause) noexcept {
  net::Timer& timer = waiting().timer.emplace(Callback<void()>::of<&PluginRun::on_timer>(this));
  worker_.loop().arm(timer, pause);
}

void PluginRun::ask(plugin::Subrequest what, plugin::Subresponse& to) noexcept {
  const Cluster* cluster = generation_.snapshot->find_cluster(what.upstream);
  auto& call = waiting().call;
  call = std::make_unique<SideCall>(worker_, *cluster, std::move(what), &to, x_.arena,
                                    Callback<void()>::of<&PluginRun::on_call_done>(this));
  call->start();
}

// The call says so itself, and is still at it.
void PluginRun::on_call_done() noexcept {
  worker_.loop().retire(waiting_->call.release());
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

void PluginRun::measure_part(Part& part) noexcept {
  at_once_ = kNone.data();
  const size_t count = part.chain->uses().size();
  part.spent = x_.arena.make_array<Duration>(count);
  std::fill_n(part.spent, count, Duration::zero());
}

void PluginRun::measure() noexcept {
  if (!std::exchange(measures_, true)) {
    asked_at_ = steady_now();
    for (size_t p = 0; p < part_; ++p) {
      measure_part(parts_[p]);
    }
  }
}

void PluginRun::note_spent(Part& part, size_t use, TimePoint since) noexcept {
  part.spent[use] += steady_now() - since;
}

std::string_view PluginRun::server_timing() noexcept {
  std::string text;
  const auto add = [&](std::string_view name, Duration took) {
    text += text.empty() ? "" : ", ";
    for (const char c : name) {  // a token (RFC 9110 5.6.2)
      const char lower = to_lower(c);
      text.push_back((lower >= 'a' && lower <= 'z') || is_digit(c) || c == '-' ? c : '_');
    }
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
    const std::string rest = std::to_string(1000 + micros % 1000);  // three digits behind a one
    text.append(";dur=").append(std::to_string(micros / 1000)).append(".").append(rest, 1);
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
  return x_.arena.copy(text);
}

std::string_view PluginRun::describe() const noexcept {
  std::string text;
  for (size_t p = 0; p < part_; ++p) {
    const Part& part = parts_[p];
    for (size_t i = 0; i < part.reached; ++i) {
      const std::string& name = part.chain->uses()[i].instance->source.name;
      const bool last = p + 1 == part_ && i + 1 == part.reached;
      const bool answered = last && !answered_by_.empty();
      text.append(text.empty() ? "" : ", ").append(name);
      text.append(!part.ran(i) ? " skipped" : answered ? " answered" : " passed");
      if (part.spent != nullptr && part.ran(i)) {
        const auto took = std::chrono::duration_cast<std::chrono::microseconds>(part.spent[i]);
        text.append(" ").append(std::to_string(took.count())).append("us");
      }
    }
  }
  return x_.arena.copy(text);
}

void PluginRun::at_end(void (*destroy)(void*), void* object) noexcept {
  at_end_ = x_.arena.make<AtEnd>(AtEnd{destroy, object, at_end_});
}

}  // namespace pingap::proxy
