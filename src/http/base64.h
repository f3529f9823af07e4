// Base64 with padding (RFC 4648 4) in pieces of any size. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace pingap::http {

class Base64Decoder {
 public:
  // The longest that decode() writes of `size` characters.
  static constexpr size_t room_for(size_t size) noexcept { return (size + 3) / 4 * 3; }

  // Decodes the next characters of a text to `room`; returns the bytes written. Padding ends a
  // group of four and may be anywhere in a text. nullopt for what is no base64: another character,
  // misplaced padding, bits that are not zero in front of it. Nothing may be decoded after that.
  std::optional<size_t> decode(std::string_view text, char* room) noexcept;

  // The text may end here.
  bool whole() const noexcept { return count_ == 0; }

 private:
  bool pad() noexcept;

  uint32_t bits_ = 0;    // of the group so far
  uint8_t count_ = 0;    // its characters
  uint8_t padding_ = 0;  // of these
};

class Base64Encoder {
 public:
  // The longest that encode() writes of `size` bytes: up to two are left of the piece before.
  static constexpr size_t room_for(size_t size) noexcept { return (size + 2) / 3 * 4; }

  // What finish() may write.
  static constexpr size_t kLast = 4;

  // Encodes the next bytes to `room`, as far as they make groups of three; returns the characters
  // written.
  size_t encode(std::string_view bytes, char* room) noexcept;
  // The rest, with padding.
  size_t finish(char* room) noexcept;

 private:
  uint32_t bits_ = 0;  // of the group so far
  uint8_t count_ = 0;  // its bytes
};

}  // namespace pingap::http
