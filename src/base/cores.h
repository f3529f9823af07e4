// How many cores this process may use: a container's share, not the machine's. Any thread.
#pragma once

#include <cstdint>

namespace pingap {

uint32_t usable_cores() noexcept;

}  // namespace pingap
