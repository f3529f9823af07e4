// Numbers of log lines as text. Each writes to `to`, where there is room for them, and returns
// where it ended. Any thread.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/clock.h"

namespace pingap::exchange {

inline char* copy(std::string_view text, char* to) noexcept {
  std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

inline char* put_number(uint64_t value, char* to) noexcept {
  constexpr size_t kDigits = 20;
  if (value < 10) {
    *to = static_cast<char>('0' + value);
    return to + 1;
  }
  return std::to_chars(to, to + kDigits, value).ptr;
}

// With one digit behind the point.
inline char* put_human(uint64_t value, uint64_t unit, std::string_view name, char* to) noexcept {
  to = put_number(value / unit, to);
  if (unit > 1) {
    *to++ = '.';
    to = put_number(value % unit * 10 / unit, to);
  }
  return copy(name, to);
}

inline char* put_human_size(uint64_t bytes, char* to) noexcept {
  constexpr uint64_t kKiB = 1024;
  if (bytes < kKiB) {
    return put_human(bytes, 1, "B", to);
  }
  if (bytes < kKiB * kKiB) {
    return put_human(bytes, kKiB, "KiB", to);
  }
  if (bytes < kKiB * kKiB * kKiB) {
    return put_human(bytes, kKiB * kKiB, "MiB", to);
  }
  return put_human(bytes, kKiB * kKiB * kKiB, "GiB", to);
}

inline char* put_human_time(uint64_t microseconds, char* to) noexcept {
  if (microseconds < 1000) {
    return put_human(microseconds, 1, "us", to);
  }
  if (microseconds < 1'000'000) {
    return put_human(microseconds, 1000, "ms", to);
  }
  return put_human(microseconds, 1'000'000, "s", to);
}

inline uint64_t unix_milliseconds(WallTime time) noexcept {
  const auto ms = std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
  return static_cast<uint64_t>(std::max<int64_t>(ms, 0));
}

// Seconds with three digits behind the point.
inline char* put_seconds(uint64_t milliseconds, char* to) noexcept {
  to = put_number(milliseconds / 1000, to);
  const uint64_t rest = milliseconds % 1000;
  *to++ = '.';
  *to++ = static_cast<char>('0' + rest / 100);
  *to++ = static_cast<char>('0' + rest / 10 % 10);
  *to++ = static_cast<char>('0' + rest % 10);
  return to;
}

}  // namespace pingap::exchange
