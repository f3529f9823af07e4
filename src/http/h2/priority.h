// How urgent an answer is (RFC 9218 4). Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace pingap::http::h2 {

inline constexpr uint8_t kUrgencies = 8;
inline constexpr uint8_t kDefaultUrgency = 3;

struct Priority {
  uint8_t urgency = kDefaultUrgency;  // 0 is the most urgent
  // It is of use piece by piece: it shares with others of its urgency.
  bool incremental = false;
};

// The value of a `priority` field or of PRIORITY_UPDATE, a dictionary (RFC 8941 3.2). Members that
// are not known or out of range are the default's, and all are where it is no dictionary.
Priority parse_priority(std::string_view text) noexcept;

}  // namespace pingap::http::h2
