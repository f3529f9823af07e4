#include "http/base64.h"

#include <array>

namespace pingap::http {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr uint8_t kNone = 0xff;

constexpr std::array<uint8_t, 256> make_values() noexcept {
  std::array<uint8_t, 256> values{};
  values.fill(kNone);
  for (size_t i = 0; i < kAlphabet.size(); ++i) {
    values[static_cast<uint8_t>(kAlphabet[i])] = static_cast<uint8_t>(i);
  }
  return values;
}

constexpr std::array<uint8_t, 256> kValues = make_values();

char letter(uint32_t bits) noexcept {
  return kAlphabet[bits & 0x3f];
}

}  // namespace

bool Base64Decoder::pad() noexcept {
  if (count_ < 2) {
    return false;
  }
  // What the padding cuts off is zero (RFC 4648 3.5): each text has one meaning.
  const uint32_t cut = count_ == 2 ? 0x0fU : 0x03U;
  if (padding_ == 0 && (bits_ & cut) != 0) {
    return false;
  }
  ++padding_;
  bits_ <<= 6;
  ++count_;
  return true;
}

std::optional<size_t> Base64Decoder::decode(std::string_view text, char* room) noexcept {
  char* to = room;
  for (const char c : text) {
    if (c == '=') {
      if (!pad()) {
        return std::nullopt;
      }
    } else {
      const uint8_t value = kValues[static_cast<uint8_t>(c)];
      if (value == kNone || padding_ > 0) {
        return std::nullopt;
      }
      bits_ = bits_ << 6 | value;
      ++count_;
    }
    if (count_ == 4) {
      for (uint8_t i = padding_; i < 3; ++i) {
        *to++ = static_cast<char>(bits_ >> 16 & 0xff);
        bits_ <<= 8;
      }
      *this = {};
    }
  }
  return static_cast<size_t>(to - room);
}

size_t Base64Encoder::encode(std::string_view bytes, char* room) noexcept {
  char* to = room;
  for (const char c : bytes) {
    bits_ = bits_ << 8 | static_cast<uint8_t>(c);
    if (++count_ == 3) {
      *to++ = letter(bits_ >> 18);
      *to++ = letter(bits_ >> 12);
      *to++ = letter(bits_ >> 6);
      *to++ = letter(bits_);
      *this = {};
    }
  }
  return static_cast<size_t>(to - room);
}

size_t Base64Encoder::finish(char* room) noexcept {
  if (count_ == 0) {
    return 0;
  }
  const uint32_t bits = count_ == 1 ? bits_ << 16 : bits_ << 8;
  room[0] = letter(bits >> 18);
  room[1] = letter(bits >> 12);
  room[2] = count_ == 1 ? '=' : letter(bits >> 6);
  room[3] = '=';
  *this = {};
  return kLast;
}

}  // namespace pingap::http
