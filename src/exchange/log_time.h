// Time stamps of log lines, made once per second and thread; only the milliseconds change.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/clock.h"

namespace pingap::exchange {

// Each writes to `to` and returns the end. Any thread.

inline constexpr size_t kLocalTimeSize = 29;  // 2026-01-02T03:04:05.678+01:00 (RFC 3339)
inline constexpr size_t kUtcTimeSize = 24;    // 2026-01-02T02:04:05.678Z
inline constexpr size_t kClfTimeSize = 26;    // 02/Jan/2026:03:04:05 +0100

char* put_local_time(WallTime time, char* to) noexcept;
char* put_utc_time(WallTime time, char* to) noexcept;
char* put_clf_time(WallTime time, char* to) noexcept;

}  // namespace pingap::exchange
