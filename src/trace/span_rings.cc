#include "trace/span_rings.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <sys/random.h>

#include "base/hash.h"

namespace pingap::trace {
namespace {

constexpr size_t kLeastBytes = 64 * 1024;  // several of the longest records
constexpr uint32_t kWrap = UINT32_MAX;     // in place of a record: the next one is at the start

std::array<uint64_t, 2> seeds() noexcept {
  std::array<uint64_t, 2> seed{};
  if (getrandom(seed.data(), sizeof(seed), 0) != sizeof(seed)) {
    const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
    seed = {static_cast<uint64_t>(now), mix64(reinterpret_cast<uintptr_t>(&seed))};
  }
  return seed;
}

__extension__ using Product = unsigned __int128;

constexpr uint64_t kStep = 0xa0761d6478bd642f;  // odd: a counter that comes to every number

// The step of wyrand: a counter, and one multiplication whose halves are mixed.
uint64_t next(uint64_t& state) noexcept {
  state += kStep;
  const auto product = static_cast<Product>(state) * (state ^ 0xe7037ed1a0b428db);
  return static_cast<uint64_t>(product >> 64) ^ static_cast<uint64_t>(product);
}

}  // namespace

SpanRing::SpanRing(size_t records)
    : capacity_(std::bit_ceil(std::max(records * kMeanRecord, kLeastBytes))),
      bytes_(
          std::make_unique_for_overwrite<char[]>(capacity_)),  // NOLINT(modernize-avoid-c-arrays)
      random_(seeds()) {
}

char* SpanRing::prepare(size_t size, uint64_t spans) noexcept {
  const uint64_t begin = written_.load(std::memory_order_relaxed);
  const size_t at = begin & (capacity_ - 1);
  const size_t skipped = capacity_ - at < size ? capacity_ - at : 0;
  if (begin + skipped + size - seen_read_ > capacity_) {
    seen_read_ = read_.load(std::memory_order_acquire);
    if (begin + skipped + size - seen_read_ > capacity_) {
      dropped_.store(dropped_.load(std::memory_order_relaxed) + spans, std::memory_order_relaxed);
      return nullptr;
    }
  }
  end_ = begin + skipped + size;
  if (skipped == 0) {
    return bytes_.get() + at;
  }
  std::memcpy(bytes_.get() + at, &kWrap, sizeof(kWrap));
  return bytes_.get();
}

bool SpanRing::commit() noexcept {
  const uint64_t half = capacity_ / 2;
  const uint64_t before = written_.load(std::memory_order_relaxed) - seen_read_;
  written_.store(end_, std::memory_order_release);
  if (before >= half || end_ - seen_read_ < half) {
    return false;
  }
  seen_read_ = read_.load(std::memory_order_acquire);
  return end_ - seen_read_ >= half;
}

uint32_t SpanRing::size_at(uint64_t position) const noexcept {
  uint32_t size = 0;
  std::memcpy(&size, bytes_.get() + (position & (capacity_ - 1)), sizeof(size));
  return size;
}

const char* SpanRing::front() noexcept {
  uint64_t at = read_.load(std::memory_order_relaxed);
  if (at == written_.load(std::memory_order_acquire)) {
    return nullptr;
  }
  if (size_at(at) == kWrap) {
    at += capacity_ - (at & (capacity_ - 1));
    read_.store(at, std::memory_order_release);
  }
  return bytes_.get() + (at & (capacity_ - 1));
}

void SpanRing::pop() noexcept {
  const uint64_t at = read_.load(std::memory_order_relaxed);
  read_.store(at + size_at(at), std::memory_order_release);
}

TraceId SpanRing::new_trace_id() noexcept {
  // The upper half counts on, from where nobody knows: only the lower one has to be random (W3C
  // Trace Context level 2, 3.2.2.3.1).
  TraceId id{random_[0] += kStep, next(random_[1])};
  id.low |= id.low == 0 ? 1U : 0U;  // an id of zeros is none
  return id;
}

uint64_t SpanRing::new_span_id() noexcept {
  const uint64_t id = next(random_[1]);
  return id == 0 ? 1 : id;
}

SpanRings::SpanRings(size_t workers, size_t records, const SpanTotals& before)
    : sent(before.sent),
      unsent(before.unsent),
      rejected(before.rejected),
      records_(records),
      dropped_before_(before.queue_full) {
  for (size_t i = 0; i < workers; ++i) {
    rings_.push_back(std::make_unique<SpanRing>((records + workers - 1) / workers));
  }
}

void SpanRings::wake() noexcept {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  condition_.notify_one();
}

void SpanRings::wait_until(std::chrono::steady_clock::time_point until) noexcept {
  std::unique_lock lock(mutex_);
  condition_.wait_until(lock, until, [this] { return woken_; });
  woken_ = false;
}

SpanTotals SpanRings::totals() const noexcept {
  SpanTotals totals;
  totals.sent = sent.load(std::memory_order_relaxed);
  totals.unsent = unsent.load(std::memory_order_relaxed);
  totals.rejected = rejected.load(std::memory_order_relaxed);
  totals.queue_full = dropped_before_;
  for (const auto& ring : rings_) {
    totals.queue_full += ring->dropped();
  }
  return totals;
}

}  // namespace pingap::trace
