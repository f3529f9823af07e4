#include "remote/span_exporter.h"

#include <algorithm>
#include <array>
#include <pthread.h>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "base/strings.h"
#include "remote/backoff.h"

namespace pingap::remote {
namespace {

constexpr milliseconds kGiveUp{30'000};         // a batch that could not be sent so long is dropped
constexpr std::chrono::seconds kTellEvery{60};  // of failures that go on
constexpr size_t kKeptBatch = 4 * 1024 * 1024;  // bytes of memory that are kept for the next one

}  // namespace

// ---- control thread

void SpanExporter::use(std::shared_ptr<const SpanTarget> target,
                       std::shared_ptr<trace::SpanRings> rings) {
  std::shared_ptr<trace::SpanRings> waited_on;
  {
    const std::lock_guard lock(mutex_);
    if (target == nullptr && !thread_.joinable()) {
      return;
    }
    waited_on = std::exchange(waited_on_, rings);
    next_ = Next{std::move(target), std::move(rings)};
    if (!thread_.joinable()) {
      ended_ = false;
      thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
    }
  }
  changed_.notify_all();
  if (waited_on != nullptr) {
    waited_on->wake();
  }
}

void SpanExporter::stop() noexcept {
  {
    std::unique_lock lock(mutex_);
    stop_by_ = Clock::now() + kFlush;
    const auto waited_on = waited_on_;
    changed_.notify_all();
    if (waited_on != nullptr) {
      waited_on->wake();
    }
    changed_.wait_until(lock, *stop_by_, [this] { return ended_; });
  }
  thread_ = {};  // asks it to stop, and waits
}

// ---- its own thread

void SpanExporter::run(const std::stop_token& stop) {
  pthread_setname_np(pthread_self(), "pingap-spans");
  while (!stop.stop_requested()) {
    const bool last = time_left().has_value();
    adopt();
    while (collect()) {
      send(stop);
    }
    if (last) {
      break;
    }
    forget_old_rings();
    wait();
  }
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
}

// Goes by what it was told last.
void SpanExporter::adopt() {
  const std::lock_guard lock(mutex_);
  if (!next_) {
    return;
  }
  if (rings_ != nullptr && rings_ != next_->rings) {
    old_rings_.push_back(rings_);
  }
  rings_ = next_->rings;
  if (next_->target != nullptr) {
    target_ = next_->target;
    origin_ = trace::make_origin(target_->resource, target_->collector.version);
    client_.emplace(target_->collector);
  }
  next_.reset();
}

// Nobody can write to them any more.
void SpanExporter::forget_old_rings() {
  std::erase_if(old_rings_, [](const std::shared_ptr<trace::SpanRings>& one) {
    return one.use_count() == 1 && std::ranges::all_of(one->all(), [](const auto& ring) {
             return ring->front() == nullptr;
           });
  });
}

void SpanExporter::wait() {
  if (rings_ != nullptr) {
    rings_->wait_until(Clock::now() + target_->batch_delay);
    return;
  }
  std::unique_lock lock(mutex_);
  const auto called = [this] { return next_.has_value() || stop_by_.has_value(); };
  if (old_rings_.empty()) {  // perhaps there was never a target
    changed_.wait(lock, called);
  } else {
    changed_.wait_until(lock, Clock::now() + target_->batch_delay, called);
  }
}

// What is in the rings, as much as a batch may have; false: nothing.
bool SpanExporter::collect() {
  batch_.clear();
  spans_ = 0;
  const auto take_from = [this](trace::SpanRings& rings) {
    for (const auto& ring : rings.all()) {
      for (const char* record = nullptr;
           spans_ < target_->batch_size && (record = ring->front()) != nullptr; ring->pop()) {
        spans_ += trace::append_spans(record, batch_);
      }
    }
  };
  for (const auto& old : old_rings_) {
    take_from(*old);
  }
  if (rings_ != nullptr) {
    take_from(*rings_);
  }
  return spans_ > 0;
}

// Until it is taken, or there is no sense in going on.
void SpanExporter::send(const std::stop_token& stop) {
  const auto give_up = Clock::now() + kGiveUp;
  Backoff backoff;
  while (true) {
    const OtlpOutcome outcome = post(stop);
    tell(outcome);
    if (outcome.sent == OtlpOutcome::Sent::taken) {
      const uint64_t rejected = std::min<uint64_t>(outcome.rejected, spans_);
      totals().sent.fetch_add(spans_ - rejected, std::memory_order_relaxed);
      totals().rejected.fetch_add(rejected, std::memory_order_relaxed);
      break;
    }
    const milliseconds time = std::max(backoff.next(), outcome.after.value_or(milliseconds(0)));
    if (outcome.sent == OtlpOutcome::Sent::refused || time_left() ||
        Clock::now() + time > give_up) {
      totals().unsent.fetch_add(spans_, std::memory_order_relaxed);
      break;
    }
    pause(time);
    adopt();
  }
  if (batch_.size() > kKeptBatch) {
    batch_.reset();
  }
}

// Where what becomes of spans is counted.
trace::SpanRings& SpanExporter::totals() noexcept {
  return rings_ != nullptr ? *rings_ : *old_rings_.back();
}

OtlpOutcome SpanExporter::post(const std::stop_token& stop) {
  std::string body =
      trace::make_export_request(origin_, batch_.view(), otlp_room(target_->collector));
  return client_->post(std::move(body), time_left().value_or(target_->collector.timeout), stop);
}

// Less, where it is told something.
void SpanExporter::pause(milliseconds time) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, time, [this] { return next_.has_value() || stop_by_.has_value(); });
}

// To the end of the process; nothing: that is not in sight.
std::optional<milliseconds> SpanExporter::time_left() {
  const std::lock_guard lock(mutex_);
  if (!stop_by_) {
    return std::nullopt;
  }
  return std::max(std::chrono::duration_cast<milliseconds>(*stop_by_ - Clock::now()),
                  milliseconds(0));
}

// That it fails, now and then; that it works again, once.
void SpanExporter::tell(const OtlpOutcome& outcome) {
  if (outcome.sent == OtlpOutcome::Sent::taken && outcome.rejected == 0) {
    trouble_.end();
    if (std::exchange(failing_, false)) {
      PINGAP_LOG(info, "[tracing]: spans are taken again by {}", target_->collector.url);
    }
    return;
  }
  const std::string what =
      outcome.sent == OtlpOutcome::Sent::taken
          ? fmt::format("{} rejects spans: {}", target_->collector.url, outcome.why)
          : fmt::format("spans cannot be sent to {}: {}", target_->collector.url, outcome.why);
  trouble_.begin(what);
  const auto now = Clock::now();
  if (!std::exchange(failing_, true) || now - told_ >= kTellEvery) {
    told_ = now;
    PINGAP_LOG(warn, "[tracing]: {}", what);
  }
}

}  // namespace pingap::remote
