#include "base/log_escape.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/log_plain.h"

namespace pingap {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

// Bytes of the UTF-8 character at the front (RFC 3629 4), 0 where there is none.
size_t utf8_size(std::string_view text) noexcept {
  const auto at = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto tail = [&](size_t i, unsigned low, unsigned high) {
    return i < text.size() && at(i) >= low && at(i) <= high;
  };
  const unsigned first = at(0);
  if (first < 0x80) {
    return 1;
  }
  if (first >= 0xc2 && first <= 0xdf) {
    return tail(1, 0x80, 0xbf) ? 2 : 0;
  }
  if (first >= 0xe0 && first <= 0xef) {
    const unsigned low = first == 0xe0 ? 0xa0 : 0x80;   // no overlong forms
    const unsigned high = first == 0xed ? 0x9f : 0xbf;  // no surrogates
    return tail(1, low, high) && tail(2, 0x80, 0xbf) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const unsigned low = first == 0xf0 ? 0x90 : 0x80;
    const unsigned high = first == 0xf4 ? 0x8f : 0xbf;  // up to U+10FFFF
    return tail(1, low, high) && tail(2, 0x80, 0xbf) && tail(3, 0x80, 0xbf) ? 4 : 0;
  }
  return 0;
}

// A character of ours is shown as it is, but for those that end lines or steer terminals.
bool is_shown(std::string_view character) noexcept {
  if (character.size() == 1) {
    return is_plain(character[0]);
  }
  if (character.size() == 2) {  // U+0080 to U+009F
    return character[0] != '\xc2' || static_cast<unsigned char>(character[1]) >= 0xa0;
  }
  return character != "\xe2\x80\xa8" && character != "\xe2\x80\xa9";
}

struct TextEscape {
  // Of a character that is not shown, or of one byte that is no character. At most 12 bytes.
  static size_t put(std::string_view character, bool /*valid*/, char* to) noexcept {
    char* at = to;
    for (const char c : character) {
      const auto byte = static_cast<unsigned char>(c);
      *at++ = '\\';
      *at++ = 'x';
      *at++ = kHex[byte >> 4];
      *at++ = kHex[byte & 15];
    }
    return static_cast<size_t>(at - to);
  }
};

struct JsonEscape {
  static size_t put(std::string_view character, bool valid, char* to) noexcept {
    const auto first = static_cast<unsigned char>(character[0]);
    unsigned code = first;
    if (valid && character.size() == 2) {
      code = static_cast<unsigned char>(character[1]);
    } else if (valid && character.size() == 3) {
      code = 0x2000U | (static_cast<unsigned char>(character[2]) & 0x3fU);
    } else if (first == '"' || first == '\\') {
      to[0] = '\\';
      to[1] = character[0];
      return 2;
    }
    to[0] = '\\';
    to[1] = 'u';
    for (size_t i = 0; i < 4; ++i) {
      to[5 - i] = kHex[(code >> (4 * i)) & 15];
    }
    return 6;
  }
};

template <class Escape>
char* escape_slow(std::string_view value, char* to, char* end, bool& cut) noexcept {
  while (!value.empty()) {
    const size_t size = utf8_size(value);
    const std::string_view character = value.substr(0, size == 0 ? 1 : size);
    std::array<char, 16> escaped;
    std::string_view piece = character;
    if (size == 0 || !is_shown(character)) {
      piece = {escaped.data(), Escape::put(character, size != 0, escaped.data())};
    }
    if (static_cast<size_t>(end - to) < piece.size()) {
      cut = true;
      return to;
    }
    std::memcpy(to, piece.data(), piece.size());
    to += piece.size();
    value.remove_prefix(character.size());
  }
  return to;
}

template <class Escape>
char* escape(std::string_view value, char* to, char* end, bool& cut) noexcept {
  if (static_cast<size_t>(end - to) >= value.size() && copy_plain(value, to)) {
    return to + value.size();
  }
  return escape_slow<Escape>(value, to, end, cut);
}

}  // namespace

char* escape_text(std::string_view value, char* to, char* end, bool& cut) noexcept {
  return escape<TextEscape>(value, to, end, cut);
}

char* escape_json(std::string_view value, char* to, char* end, bool& cut) noexcept {
  return escape<JsonEscape>(value, to, end, cut);
}

}  // namespace pingap
