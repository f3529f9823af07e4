// Random numbers that nobody meets twice; not secret. Any thread.
#pragma once

#include <cstdint>

namespace pingap::plugin {

uint64_t random_bits() noexcept;

// True in so many of a hundred cases.
bool happens(double percent) noexcept;

}  // namespace pingap::plugin
