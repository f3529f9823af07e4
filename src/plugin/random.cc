#include "plugin/random.h"

#include <sys/random.h>

#include "base/hash.h"

namespace pingap::plugin {

// One generator per thread, seeded by the kernel.
uint64_t random_bits() noexcept {
  thread_local uint64_t state = [] {
    uint64_t seed = 0;
    while (::getrandom(&seed, sizeof(seed), 0) != sizeof(seed)) {
    }
    return seed;
  }();
  state += 0x9e3779b97f4a7c15;
  return mix64(state);
}

bool happens(double percent) noexcept {
  constexpr double kUnit = 1.0 / 9007199254740992.0;  // 53 bits
  return static_cast<double>(random_bits() >> 11) * kUnit * 100 < percent;
}

}  // namespace pingap::plugin
