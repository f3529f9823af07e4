// One request of those that a bucket of a histogram counts: its id leads from a graph to its line
// in the access log, or to its trace. One writer, any reader; a reader that comes in between gets
// none.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "observe/histogram.h"

namespace pingap::observe {

enum class ExemplarOf : uint8_t { request_id, trace_id };

struct Exemplar {
  std::string id;
  Duration took{};
  WallTime at{};
  ExemplarOf of = ExemplarOf::request_id;
};

using ExemplarSet = std::array<std::optional<Exemplar>, kBuckets>;

class ExemplarCell {
 public:
  // Ids that are longer are left out: the format allows 128 characters.
  static constexpr size_t kMaxId = 64;

  // The writer. `id` only has letters that need no escaping.
  void set(std::string_view id, ExemplarOf of, Duration took, WallTime at) noexcept;
  // Any thread.
  std::optional<Exemplar> get() const;

 private:
  static constexpr size_t kWords = kMaxId / sizeof(uint64_t);

  std::atomic<uint32_t> version_{0};  // odd while it is written, 0 = none yet
  std::atomic<size_t> size_{0};
  std::atomic<ExemplarOf> of_{ExemplarOf::request_id};
  std::array<std::atomic<uint64_t>, kWords> words_{};
  std::atomic<int64_t> took_{0};  // ns
  std::atomic<int64_t> at_{0};    // ns since the epoch
};

class Exemplars {
 public:
  // One in a second and bucket is enough.
  bool wants(Duration took, TimePoint now) const noexcept {
    return now - noted_at_[bucket_of(took)] >= std::chrono::seconds(1);
  }

  void set(std::string_view id, ExemplarOf of, Duration took, TimePoint now, WallTime at) noexcept {
    noted_at_[bucket_of(took)] = now;
    cells_[bucket_of(took)].set(id, of, took, at);
  }

  // Any thread: the newer ones of these and of `set`.
  void merge_into(ExemplarSet& set) const;

 private:
  std::array<TimePoint, kBuckets> noted_at_{};  // the writer's
  std::array<ExemplarCell, kBuckets> cells_;
};

}  // namespace pingap::observe
