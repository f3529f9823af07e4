#include "observe/exemplar.h"

#include <cstring>

namespace pingap::observe {

void ExemplarCell::set(std::string_view id, ExemplarOf of, Duration took, WallTime at) noexcept {
  if (id.size() > kMaxId) {
    return;
  }
  const uint32_t version = version_.load(std::memory_order_relaxed);
  version_.store(version + 1, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
  for (size_t i = 0; i * sizeof(uint64_t) < id.size(); ++i) {
    const std::string_view part = id.substr(i * sizeof(uint64_t), sizeof(uint64_t));
    uint64_t word = 0;
    std::memcpy(&word, part.data(), part.size());
    words_[i].store(word, std::memory_order_relaxed);
  }
  size_.store(id.size(), std::memory_order_relaxed);
  of_.store(of, std::memory_order_relaxed);
  took_.store(took.count(), std::memory_order_relaxed);
  at_.store(at.time_since_epoch().count(), std::memory_order_relaxed);
  version_.store(version + 2, std::memory_order_release);
}

std::optional<Exemplar> ExemplarCell::get() const {
  const uint32_t version = version_.load(std::memory_order_acquire);
  if (version == 0 || version % 2 != 0) {
    return std::nullopt;
  }
  std::array<uint64_t, kWords> words{};
  for (size_t i = 0; i < kWords; ++i) {
    words[i] = words_[i].load(std::memory_order_relaxed);
  }
  const size_t size = size_.load(std::memory_order_relaxed);
  Exemplar exemplar{{},
                    Duration(took_.load(std::memory_order_relaxed)),
                    WallTime(std::chrono::nanoseconds(at_.load(std::memory_order_relaxed))),
                    of_.load(std::memory_order_relaxed)};
  std::atomic_thread_fence(std::memory_order_acquire);
  if (version_.load(std::memory_order_relaxed) != version || size > kMaxId) {
    return std::nullopt;
  }
  exemplar.id.resize(size);
  std::memcpy(exemplar.id.data(), words.data(), size);
  return exemplar;
}

void Exemplars::merge_into(ExemplarSet& set) const {
  for (size_t i = 0; i < kBuckets; ++i) {
    auto mine = cells_[i].get();
    if (mine && (!set[i] || set[i]->at < mine->at)) {
      set[i] = std::move(mine);
    }
  }
}

}  // namespace pingap::observe
