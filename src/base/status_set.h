// Some of the status codes, as a configuration lists them: 502, 5xx, 500-503. Any thread.
#pragma once

#include <algorithm>
#include <bitset>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/strings.h"

namespace pingap {

class StatusSet {
 public:
  bool contains(uint16_t status) const noexcept {
    return status >= first_ && status < kEnd && bits_[status];
  }

  bool empty() const noexcept { return bits_.none(); }

  bool operator==(const StatusSet&) const = default;

  void add(uint16_t first, uint16_t last) noexcept {
    first_ = std::min<size_t>(first_, first);
    for (size_t status = first; status <= last && status < kEnd; ++status) {
      bits_.set(status);
    }
  }

  // "502", "5xx" or "500-503"; false where it is none of these.
  bool add(std::string_view text) noexcept {
    if (text.size() == 3 && text.substr(1) == "xx" && text[0] >= '1' && text[0] <= '5') {
      const auto first = static_cast<uint16_t>((text[0] - '0') * 100);
      add(first, first + 99);
      return true;
    }
    const auto first = parse(text.substr(0, text.find('-')));
    const auto last = text.size() == 7 && text[3] == '-' ? parse(text.substr(4)) : first;
    if (!first || !last || *last < *first || (text.size() != 3 && text.size() != 7)) {
      return false;
    }
    add(*first, *last);
    return true;
  }

 private:
  static constexpr size_t kEnd = 600;

  static std::optional<uint16_t> parse(std::string_view text) noexcept {
    const auto number = parse_decimal(text);
    if (!number || *number < 100 || *number >= kEnd) {
      return std::nullopt;
    }
    return static_cast<uint16_t>(*number);
  }

  std::bitset<kEnd> bits_;
  size_t first_ = kEnd;  // that is in it: most answers are below
};

}  // namespace pingap
