// Monotonic time in nanoseconds. The event loop reads the clock once per turn; everything in that
// turn uses EventLoop::now(). Wall time is for logs and Date only.
#pragma once

#include <chrono>

namespace pingap {

using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;

inline TimePoint steady_now() noexcept {
  return std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now());
}

using WallTime = std::chrono::time_point<std::chrono::system_clock, Duration>;

inline WallTime wall_now() noexcept {
  return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
}

}  // namespace pingap
