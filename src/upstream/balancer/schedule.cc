#include "upstream/balancer/schedule.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace pingap::upstream::balancer {
namespace {

constexpr uint64_t kMaxRound = 16 * 1024;  // turns; 64 KiB
// Up to here the exact order is computed, which takes servers x turns steps.
constexpr size_t kMaxSmooth = 256;

std::vector<uint64_t> reduced(std::span<const uint32_t> weights) {
  std::vector<uint64_t> turns(weights.begin(), weights.end());
  uint64_t common = 0;
  for (const uint64_t weight : turns) {
    common = std::gcd(common, weight);
  }
  if (common == 0) {
    turns.assign(turns.size(), 1);
    return turns;
  }
  uint64_t sum = 0;
  for (uint64_t& weight : turns) {
    weight /= common;
    sum += weight;
  }
  const uint64_t limit = std::max<uint64_t>(kMaxRound, 4 * turns.size());
  if (sum > limit) {
    for (uint64_t& weight : turns) {
      weight = weight == 0 ? 0 : std::max<uint64_t>(1, (weight * limit + sum / 2) / sum);
    }
  }
  return turns;
}

// Each turn every server gains its weight; the richest takes the turn and pays the sum of all.
std::vector<uint32_t> smooth(const std::vector<uint64_t>& turns, uint64_t sum) {
  std::vector<int64_t> credit(turns.size(), 0);
  std::vector<uint32_t> round;
  round.reserve(sum);
  for (uint64_t turn = 0; turn < sum; ++turn) {
    size_t best = 0;
    for (size_t i = 0; i < turns.size(); ++i) {
      credit[i] += static_cast<int64_t>(turns[i]);
      if (credit[i] > credit[best]) {
        best = i;
      }
    }
    credit[best] -= static_cast<int64_t>(sum);
    round.push_back(static_cast<uint32_t>(best));
  }
  return round;
}

// For very many servers: turn k of a server is at (k + offset) / weight of the round, the offsets
// spread so that servers of one weight do not come in blocks.
std::vector<uint32_t> spread(const std::vector<uint64_t>& turns) {
  constexpr double kGolden = 0.6180339887498949;
  std::vector<std::pair<double, uint32_t>> at;
  double offset = 0;
  for (uint32_t i = 0; i < turns.size(); ++i) {
    offset += kGolden;
    offset -= offset >= 1 ? 1 : 0;
    for (uint64_t k = 0; k < turns[i]; ++k) {
      at.emplace_back((static_cast<double>(k) + offset) / static_cast<double>(turns[i]), i);
    }
  }
  std::sort(at.begin(), at.end());
  std::vector<uint32_t> round;
  round.reserve(at.size());
  for (const auto& [when, server] : at) {
    round.push_back(server);
  }
  return round;
}

}  // namespace

std::vector<uint32_t> make_schedule(std::span<const uint32_t> weights) {
  const std::vector<uint64_t> turns = reduced(weights);
  const uint64_t sum = std::accumulate(turns.begin(), turns.end(), uint64_t{0});
  if (sum == turns.size() &&
      std::count(turns.begin(), turns.end(), 1) == static_cast<std::ptrdiff_t>(turns.size())) {
    std::vector<uint32_t> round(turns.size());
    std::iota(round.begin(), round.end(), 0U);
    return round;
  }
  return turns.size() <= kMaxSmooth ? smooth(turns, sum) : spread(turns);
}

}  // namespace pingap::upstream::balancer
