// Writes protocol buffers (https://protobuf.dev/programming-guides/encoding/), as much of them as
// OTLP needs. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

namespace pingap::trace {

// Bytes that grow without being cleared first.
class Bytes {
 public:
  // Room for `more` bytes behind what there is, and what of it was used.
  char* room(size_t more);

  void used_to(const char* end) noexcept { size_ = static_cast<size_t>(end - data_.get()); }

  void clear() noexcept { size_ = 0; }

  // Lets go of memory that one large batch had needed.
  void reset() noexcept {
    data_.reset();
    size_ = 0;
    capacity_ = 0;
  }

  size_t size() const noexcept { return size_; }

  std::string_view view() const noexcept { return {data_.get(), size_}; }

 private:
  std::unique_ptr<char[]> data_;  // NOLINT(modernize-avoid-c-arrays): no vector: not zeroed
  size_t size_ = 0;
  size_t capacity_ = 0;
};

namespace pb {

enum class Wire : uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

constexpr size_t kMaxVarint = 10;

constexpr size_t varint_size(uint64_t value) noexcept {
  size_t size = 1;
  for (; value >= 0x80; value >>= 7) {
    ++size;
  }
  return size;
}

inline char* put_varint(uint64_t value, char* to) noexcept {
  for (; value >= 0x80; value >>= 7) {
    *to++ = static_cast<char>(value | 0x80);
  }
  *to++ = static_cast<char>(value);
  return to;
}

inline char* put_tag(uint32_t field, Wire wire, char* to) noexcept {
  return put_varint(field << 3 | static_cast<uint32_t>(wire), to);
}

// A string, bytes, or a message that is written already.
inline char* put_bytes(uint32_t field, std::string_view value, char* to) noexcept {
  to = put_varint(value.size(), put_tag(field, Wire::bytes, to));
  std::memcpy(to, value.data(), value.size());
  return to + value.size();
}

inline char* put_uint(uint32_t field, uint64_t value, char* to) noexcept {
  return put_varint(value, put_tag(field, Wire::varint, to));
}

// Little-endian, as the machine's: base/ asserts it for words that are compared as loaded.
inline char* put_fixed64(uint32_t field, uint64_t value, char* to) noexcept {
  to = put_tag(field, Wire::fixed64, to);
  std::memcpy(to, &value, sizeof(value));
  return to + sizeof(value);
}

inline char* put_fixed32(uint32_t field, uint32_t value, char* to) noexcept {
  to = put_tag(field, Wire::fixed32, to);
  std::memcpy(to, &value, sizeof(value));
  return to + sizeof(value);
}

// A message whose size is known only behind it: begin(), its fields, end().
class Message {
 public:
  Message(uint32_t field, char* to) noexcept : size_at_(put_tag(field, Wire::bytes, to)) {}

  char* begin() const noexcept { return size_at_ + kGuess; }

  // The end of it all: the fields are moved where their size needs another room than guessed.
  char* end(char* to) const noexcept {
    const auto size = static_cast<size_t>(to - begin());
    const size_t needs = varint_size(size);
    if (needs != kGuess) {
      std::memmove(size_at_ + needs, begin(), size);
    }
    put_varint(size, size_at_);
    return size_at_ + needs + size;
  }

 private:
  static constexpr size_t kGuess = 2;  // right from 128 bytes to 16 KiB

  char* size_at_;
};

}  // namespace pb

}  // namespace pingap::trace
