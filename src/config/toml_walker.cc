#include "config/toml_walker.h"

#include <algorithm>

#include "base/strings.h"

namespace pingap::config {
namespace {

// UTF-8 of a code point; 0xD800..0xDFFF and more than 0x10FFFF are refused by the parser.
void append_code_point(std::string& out, uint32_t code) {
  const auto tail = [&](uint32_t shift) {
    out += static_cast<char>(0x80U | ((code >> shift) & 0x3FU));
  };
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0U | (code >> 6U));
    tail(0);
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0U | (code >> 12U));
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xF0U | ((code >> 18U) & 0x07U));
    tail(12);
    tail(6);
    tail(0);
  }
}

uint32_t hexadecimal(std::string_view digits) noexcept {
  uint32_t code = 0;
  for (const char c : digits) {
    const char lower = static_cast<char>(c | 0x20);
    code = code * 16 + static_cast<uint32_t>(is_digit(c) ? c - '0' : lower - 'a' + 10);
  }
  return code;
}

// What stands between the quotes of a basic string in one line.
std::string unescape(std::string_view text) {
  constexpr std::string_view kNames = "btnfr";
  constexpr std::string_view kMeaning = "\b\t\n\f\r";
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char c = text[++i];
    if (c == 'u' || c == 'U') {
      const size_t digits = c == 'u' ? 4U : 8U;
      append_code_point(out, hexadecimal(text.substr(i + 1, digits)));
      i += digits;
    } else {
      const size_t name = kNames.find(c);
      out += name == std::string_view::npos ? c : kMeaning[name];
    }
  }
  return out;
}

}  // namespace

bool is_bare(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

void TomlWalker::skip_blanks() noexcept {
  while (peek() == ' ' || peek() == '\t') {
    ++at_;
  }
}

bool TomlWalker::newline() noexcept {
  const size_t size = next_is("\n") ? 1U : next_is("\r\n") ? 2U : 0U;
  at_ += size;
  return size > 0;
}

Span TomlWalker::comment() noexcept {
  const size_t begin = at_;
  if (peek() == '#') {
    at_ = std::min(text_.find('\n', at_), text_.size());
    at_ -= at_ < text_.size() && text_[at_ - 1] == '\r' ? 1U : 0U;
  }
  return {begin, at_};
}

void TomlWalker::skip_between() noexcept {
  do {
    skip_blanks();
    comment();
  } while (newline());
}

bool TomlWalker::string() noexcept {
  const char quote = peek();
  const char triple[] = {quote, quote, quote};
  const std::string_view fence(triple, 3);
  const bool multiline = next_is(fence);
  at_ += multiline ? 3 : 1;
  while (!done()) {
    if (text_[at_] == '\\' && quote == '"') {
      at_ = std::min(at_ + 2, text_.size());
    } else if (multiline ? next_is(fence) : peek() == quote) {
      at_ += multiline ? 3 : 1;
      // Up to two quotes may stand before the fence: they belong to the string.
      for (int extra = 0; multiline && extra < 2 && take(quote); ++extra) {
      }
      return true;
    } else if (!multiline && peek() == '\n') {
      return false;
    } else {
      ++at_;
    }
  }
  return false;
}

bool TomlWalker::key(std::vector<KeyPart>& out) {
  do {
    skip_blanks();
    const size_t begin = at_;
    if (!key_part()) {
      return false;
    }
    const Span span{begin, at_};
    const std::string_view written = span.of(text_);
    const std::string_view inside = written.substr(1, written.size() - 2);
    out.push_back({written[0] == '"'    ? unescape(inside)
                   : written[0] == '\'' ? std::string(inside)
                                        : std::string(written),
                   span});
    skip_blanks();
  } while (take('.'));
  return true;
}

bool TomlWalker::value() noexcept {
  const size_t begin = at_;
  switch (peek()) {
    case '"':
    case '\'':
      return string();
    case '[':
    case '{':
      return brackets();
    default:
      scalar();
      return at_ > begin;
  }
}

bool TomlWalker::entry(Entry& out) {
  if (!key(out.keys) || !take('=')) {
    return false;
  }
  skip_blanks();
  out.value.begin = at_;
  const bool found = value();
  out.value.end = at_;
  return found;
}

void TomlWalker::scalar() noexcept {
  const size_t begin = at_;
  word();
  // A date and a time may have one blank between them.
  constexpr size_t kDate = 10;
  if (at_ - begin == kDate && text_[begin + 4] == '-' && at_ + 1 < text_.size() &&
      text_[at_] == ' ' && is_digit(text_[at_ + 1])) {
    ++at_;
    word();
  }
}

bool TomlWalker::key_part() noexcept {
  const size_t begin = at_;
  if (peek() == '"' || peek() == '\'') {
    return string() && at_ - begin >= 2;
  }
  while (is_bare(peek())) {
    ++at_;
  }
  return at_ > begin;
}

void TomlWalker::word() noexcept {
  at_ = std::min(text_.find_first_of(" \t\r\n,]}#[{=\"'", at_), text_.size());
}

bool TomlWalker::brackets() noexcept {
  size_t depth = 0;
  while (!done()) {
    const char c = peek();
    if (c == '"' || c == '\'') {
      if (!string()) {
        return false;
      }
      continue;
    }
    if (c == '#') {
      comment();
      continue;
    }
    ++at_;
    if (c == '[' || c == '{') {
      ++depth;
    } else if ((c == ']' || c == '}') && --depth == 0) {
      return true;
    }
  }
  return false;
}

}  // namespace pingap::config
