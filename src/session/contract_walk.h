// Random walks through what can happen to a session: the dice, and how many. Tests only.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>

namespace pingap::session::contract {

class Dice {
 public:
  explicit Dice(uint32_t seed) : random_(seed) {}

  size_t below(size_t bound) { return bound == 0 ? 0 : random_() % bound; }

  // One in `sides`.
  bool hit(size_t sides) { return below(sides) == 0; }

 private:
  std::mt19937 random_;
};

// Each is some sixty events; PINGAP_TEST_CASES asks for more (or fewer).
inline uint32_t walks() {
  const char* asked = std::getenv("PINGAP_TEST_CASES");  // NOLINT(concurrency-mt-unsafe)
  return asked == nullptr ? 300 : static_cast<uint32_t>(std::strtoul(asked, nullptr, 10));
}

}  // namespace pingap::session::contract
