// SETTINGS (RFC 9113 6.5): what a peer says, checked, and how ours are written. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/h2/frame.h"

namespace pingap::http::h2 {

enum class Setting : uint16_t {
  header_table_size = 1,
  enable_push = 2,
  max_concurrent_streams = 3,
  initial_window_size = 4,
  max_frame_size = 5,
  max_header_list_size = 6,
  enable_connect_protocol = 8,  // RFC 8441 3
  no_rfc7540_priorities = 9,    // RFC 9218 2.1
};

struct SettingEntry {
  Setting id;
  uint32_t value;
};

inline constexpr size_t kSettingEntry = 6;

// Its end.
char* write_setting(char* to, const SettingEntry& entry) noexcept;

enum class Role : uint8_t { client, server };

// Those of the peer that matter to us. Sizes of frames do not: ours are no longer than any peer
// must take. Nor does the size of heads, which is advice.
struct PeerSettings {
  uint32_t header_table_size = 4096;
  uint32_t max_concurrent_streams = 100;  // while the peer has said nothing (RFC 9113 6.5.2)
  uint32_t initial_window_size = kDefaultWindow;
  bool enable_connect_protocol = false;
  bool said = false;  // one SETTINGS frame has come

  // The payload of a SETTINGS frame that is no ACK, of a length that is right. `ours`: which end we
  // are. no_error, or how the connection ends.
  Code take(std::string_view payload, Role ours) noexcept;

  // Of the last frame: the sizes of the table that it named, the least and the last one.
  uint32_t least_table_size = 4096;
};

}  // namespace pingap::http::h2
