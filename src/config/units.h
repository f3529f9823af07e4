// Durations and sizes as people write them. Pure; any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "config/problem.h"

namespace pingap::config {

// "500ms", "10s", "1h 30m": whole numbers, each with its unit (ms, s, m, h, d), larger units first.
// At most 366 days.
Parsed<std::chrono::milliseconds> parse_duration(std::string_view text);

// Bytes: "65536", "64kb" (1000), "64KiB" (1024), also mb/MiB and gb/GiB; letters in any case.
// At most 2^62.
Parsed<uint64_t> parse_size(std::string_view text);

// The shortest text that parses back to the same value: "1h 30m", "64KiB".
std::string format_duration(std::chrono::milliseconds value);
std::string format_size(uint64_t bytes);

}  // namespace pingap::config
