#include "http/h2/settings.h"

#include <algorithm>

namespace pingap::http::h2 {

char* write_setting(char* to, const SettingEntry& entry) noexcept {
  const auto id = static_cast<uint16_t>(entry.id);
  *to++ = static_cast<char>(id >> 8);
  *to++ = static_cast<char>(id & 0xff);
  return write_uint32(to, entry.value);
}

namespace {

SettingEntry read_setting(std::string_view from) noexcept {
  const auto high = static_cast<uint8_t>(from[0]);
  const auto low = static_cast<uint8_t>(from[1]);
  return {static_cast<Setting>(high << 8 | low), read_uint32(from.substr(2))};
}

// RFC 9113 6.5.2, RFC 8441 3, RFC 9218 2.1.
Code check(const SettingEntry& entry, Role ours, bool connects) noexcept {
  constexpr uint32_t kMostFrame = (1U << 24) - 1;
  const auto must = [](bool good) { return good ? Code::no_error : Code::protocol_error; };
  switch (entry.id) {
    case Setting::enable_push:
      return must(entry.value == 0 || (entry.value == 1 && ours == Role::server));
    case Setting::initial_window_size:
      return entry.value <= kMaxWindow ? Code::no_error : Code::flow_control_error;
    case Setting::max_frame_size:
      return must(entry.value >= kMaxFrame && entry.value <= kMostFrame);
    case Setting::enable_connect_protocol:
      return must(entry.value == 1 || (entry.value == 0 && !connects));
    case Setting::no_rfc7540_priorities:
      return must(entry.value <= 1);
    case Setting::header_table_size:
    case Setting::max_concurrent_streams:
    case Setting::max_header_list_size:
      break;
  }
  return Code::no_error;  // also what nobody knows (RFC 9113 6.5.3)
}

}  // namespace

Code PeerSettings::take(std::string_view payload, Role ours) noexcept {
  if (!said) {
    said = true;
    max_concurrent_streams = UINT32_MAX;
  }
  least_table_size = header_table_size;
  for (; payload.size() >= kSettingEntry; payload.remove_prefix(kSettingEntry)) {
    const SettingEntry entry = read_setting(payload);
    if (const Code code = check(entry, ours, enable_connect_protocol); code != Code::no_error) {
      return code;
    }
    switch (entry.id) {
      case Setting::header_table_size:
        header_table_size = entry.value;
        least_table_size = std::min(least_table_size, entry.value);
        break;
      case Setting::max_concurrent_streams:
        max_concurrent_streams = entry.value;
        break;
      case Setting::initial_window_size:
        initial_window_size = entry.value;
        break;
      case Setting::enable_connect_protocol:
        enable_connect_protocol = entry.value == 1;
        break;
      case Setting::enable_push:
      case Setting::max_frame_size:
      case Setting::max_header_list_size:
      case Setting::no_rfc7540_priorities:
        break;
    }
  }
  return Code::no_error;
}

}  // namespace pingap::http::h2
