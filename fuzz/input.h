// What fuzz targets share: input taken apart, memory with nothing around it, and laws that abort.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

namespace pingap::fuzz {

inline void require(bool holds, const char* law) {
  if (!holds) {
    std::fprintf(stderr, "law broken: %s\n", law);
    std::abort();
  }
}

// The first four bytes of an input choose where it is cut; the rest is the message.
class Input {
 public:
  Input(const uint8_t* data, size_t size) {
    for (size_t i = 0; i < 4 && i < size; ++i) {
      seed_ = seed_ << 8 | data[i];
    }
    if (size > 4) {
      bytes_ = {reinterpret_cast<const char*>(data) + 4, size - 4};
    }
  }

  uint32_t seed() const { return seed_; }

  std::string_view bytes() const { return bytes_; }

  // A number below `bound`, another one each time.
  size_t choose(size_t bound) {
    state_ = state_ * 6364136223846793005 + 1442695040888963407 + seed_;
    return bound == 0 ? 0 : static_cast<size_t>(state_ >> 33) % bound;
  }

  // Takes the next piece off `rest`: sometimes one byte, sometimes all.
  std::string_view next_piece(std::string_view& rest) {
    const size_t longest = choose(4) == 0 ? rest.size() : std::min<size_t>(rest.size(), 16);
    const size_t size = std::min(rest.size(), choose(longest) + 1);
    const std::string_view piece = rest.substr(0, size);
    rest.remove_prefix(size);
    return piece;
  }

 private:
  uint32_t seed_ = 0;
  uint64_t state_ = 0;
  std::string_view bytes_;
};

// A copy with not a byte of room, so that the sanitizer sees reads beyond it.
class Exact {
 public:
  explicit Exact(std::string_view bytes)
      : size_(bytes.size()), memory_(std::make_unique<char[]>(bytes.size())) {
    bytes.copy(memory_.get(), bytes.size());
  }

  std::string_view view() const { return {memory_.get(), size_}; }

 private:
  size_t size_;
  std::unique_ptr<char[]> memory_;
};

}  // namespace pingap::fuzz
