#include "observe/request_counts.h"

#include <algorithm>
#include <utility>

namespace pingap::observe {

void RequestCell::add_to(RequestTotals& totals) const {
  const auto add = [&totals](uint8_t method, uint16_t status, uint64_t count) {
    const auto known = std::ranges::find_if(totals.answers, [&](const AnswerTotals& one) {
      return one.method == method && one.status == status;
    });
    if (known != totals.answers.end()) {
      known->count += count;
    } else if (count > 0) {
      totals.answers.push_back({method, status, count});
    }
  };
  for (size_t i = 0; i < kAnswers; ++i) {
    if (const uint16_t key = keys_[i].load(std::memory_order_relaxed); key != 0) {
      add(static_cast<uint8_t>(key >> 10 & 31), key & 1023, counts_[i].get());
    }
  }
  add(0, 0, rest_.get());
  for (size_t i = 0; i < kEnds; ++i) {
    totals.ends[i] += ends_[i].get();
  }
  duration_.add_to(totals.duration);
  if (const Exemplars* exemplars = exemplars_.load(std::memory_order_acquire)) {
    exemplars->merge_into(totals.exemplars);
  }
  totals.request_bytes += request_bytes_.get();
  totals.response_bytes += response_bytes_.get();
}

RequestCell::~RequestCell() {
  std::unique_ptr<Exemplars>(exemplars_.load());
}

// Once for a worker and a location: an exception to the rule that requests use no heap.
Exemplars& RequestCell::make_exemplars() noexcept {
  auto made = std::make_unique<Exemplars>();
  Exemplars& exemplars = *made;
  exemplars_.store(made.release(), std::memory_order_release);
  return exemplars;
}

RequestCounts::RequestCounts(std::string server, std::string location, uint32_t workers)
    : server_(std::move(server)), location_(std::move(location)), cells_(workers) {
}

RequestTotals RequestCounts::totals() const {
  RequestTotals totals;
  cells_.for_each([&](const RequestCell& cell) { cell.add_to(totals); });
  return totals;
}

}  // namespace pingap::observe
