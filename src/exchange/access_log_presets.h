// The formats of access logs that have a name. Private to access_log.cc.
#pragma once

#include <span>
#include <string_view>

namespace pingap::exchange {

struct LogPreset {
  std::string_view name;
  std::string_view format;
};

// Plain lines; the first is the default.
std::span<const LogPreset> log_presets() noexcept;

struct LogKey {
  std::string_view key;
  std::string_view tag;
};

// Of json and logfmt.
std::span<const LogKey> log_keys() noexcept;

}  // namespace pingap::exchange
