#include "upstream/discovery/dns_message.h"

#include <algorithm>
#include <cstddef>

namespace pingap::upstream {
namespace {

constexpr size_t kHeader = 12;

// Reads forwards only: what a pointer leads to is never looked at, so no loop can be built.
class Walk {
 public:
  explicit Walk(std::span<const uint8_t> message) noexcept : rest_(message) {}

  bool skip(size_t count) noexcept {
    if (rest_.size() < count) {
      return false;
    }
    rest_ = rest_.subspan(count);
    return true;
  }

  bool read16(uint16_t& out) noexcept {
    if (rest_.size() < 2) {
      return false;
    }
    out = static_cast<uint16_t>(rest_[0] << 8 | rest_[1]);
    return skip(2);
  }

  bool read32(uint32_t& out) noexcept {
    uint16_t high = 0;
    uint16_t low = 0;
    if (!read16(high) || !read16(low)) {
      return false;
    }
    out = uint32_t{high} << 16 | low;
    return true;
  }

  // Labels, ended by the root or by a pointer (RFC 1035 4.1.4).
  bool skip_name() noexcept {
    constexpr size_t kMaxName = 255;
    for (size_t size = 0; size < kMaxName && !rest_.empty();) {
      const uint8_t length = rest_.front();
      if ((length & 0xc0) == 0xc0) {
        return skip(2);
      }
      if ((length & 0xc0) != 0 || !skip(size_t{length} + 1)) {
        return false;
      }
      if (length == 0) {
        return true;
      }
      size += size_t{length} + 1;
    }
    return false;
  }

 private:
  std::span<const uint8_t> rest_;
};

}  // namespace

std::optional<std::chrono::seconds> least_ttl(std::span<const uint8_t> message) noexcept {
  Walk counts(message);
  uint16_t questions = 0;
  uint16_t answers = 0;
  if (message.size() < kHeader || !counts.skip(4) || !counts.read16(questions) ||
      !counts.read16(answers) || answers == 0) {
    return std::nullopt;
  }
  Walk walk(message);
  walk.skip(kHeader);
  for (uint16_t i = 0; i < questions; ++i) {
    if (!walk.skip_name() || !walk.skip(4)) {
      return std::nullopt;
    }
  }
  auto least = std::chrono::seconds::max();
  for (uint16_t i = 0; i < answers; ++i) {
    uint32_t ttl = 0;
    uint16_t size = 0;
    if (!walk.skip_name() || !walk.skip(4) || !walk.read32(ttl) || !walk.read16(size) ||
        !walk.skip(size)) {
      return std::nullopt;
    }
    least = std::min(least, sane_ttl(ttl));
  }
  return least;
}

}  // namespace pingap::upstream
