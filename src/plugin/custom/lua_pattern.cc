#include "plugin/custom/lua_pattern.h"

#include <algorithm>

#include "base/strings.h"

namespace pingap::plugin {
namespace {

bool is_letter(char c) noexcept {
  return to_lower(c) >= 'a' && to_lower(c) <= 'z';
}

bool is_control(char c) noexcept {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

bool is_space(char c) noexcept {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

bool is_graph(char c) noexcept {
  return c > ' ' && c < 0x7f;
}

// `%x` for one letter x.
bool in_class(char c, char name) noexcept {
  bool is = false;
  switch (to_lower(name)) {
    case 'a':
      is = is_letter(c);
      break;
    case 'c':
      is = is_control(c);
      break;
    case 'd':
      is = is_digit(c);
      break;
    case 'l':
      is = c >= 'a' && c <= 'z';
      break;
    case 'p':
      is = is_graph(c) && !is_letter(c) && !is_digit(c);
      break;
    case 's':
      is = is_space(c);
      break;
    case 'u':
      is = c >= 'A' && c <= 'Z';
      break;
    case 'w':
      is = is_letter(c) || is_digit(c);
      break;
    case 'x':
      is = is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'f');
      break;
    case 'z':
      is = c == 0;
      break;
    default:
      return name == c;
  }
  return is != (name >= 'A' && name <= 'Z');
}

}  // namespace

size_t LuaPattern::fail(const char* why) noexcept {
  fault_ = why;
  return kNo;
}

bool LuaPattern::step() noexcept {
  if (steps_ == 0) {
    fail("the pattern takes too long on this text");
    return false;
  }
  --steps_;
  return fault_ == nullptr;
}

LuaPattern::Outcome LuaPattern::match_at(size_t at) noexcept {
  level_ = 0;
  depth_ = 0;
  const size_t end = walk(at, 0);
  if (fault_ == nullptr && end != kNo) {
    for (size_t i = 0; i < level_; ++i) {
      if (captures_[i].size == kOpen) {
        fail("a group of the pattern is not closed");
      }
    }
  }
  if (fault_ != nullptr) {
    return Outcome::failed;
  }
  begin_ = at;
  end_ = end;
  return end == kNo ? Outcome::none : Outcome::found;
}

LuaPattern::Outcome LuaPattern::search(size_t at, bool anchored) noexcept {
  for (; at <= subject_.size(); ++at) {
    const Outcome outcome = match_at(at);
    if (outcome != Outcome::none || anchored) {
      return outcome;
    }
  }
  return Outcome::none;
}

size_t LuaPattern::item_end(size_t p) noexcept {
  if (pattern_[p] == '%') {
    return p + 1 < pattern_.size() ? p + 2 : fail("the pattern ends with `%`");
  }
  if (pattern_[p++] != '[') {
    return p;
  }
  if (p < pattern_.size() && pattern_[p] == '^') {
    ++p;
  }
  // A `]` right at the start is one of the set.
  for (bool first = true; p < pattern_.size() && (first || pattern_[p] != ']'); first = false) {
    p += pattern_[p] == '%' ? 2U : 1U;
  }
  return p < pattern_.size() ? p + 1 : fail("a `[` of the pattern has no `]`");
}

// `p` is behind the `[`, `last` is the `]`.
bool LuaPattern::in_set(char c, size_t p, size_t last) const noexcept {
  const bool wanted = pattern_[p] != '^';
  p += wanted ? 0U : 1U;
  while (p < last) {
    if (pattern_[p] == '%') {
      if (in_class(c, pattern_[p + 1])) {
        return wanted;
      }
      p += 2;
    } else if (p + 2 < last && pattern_[p + 1] == '-') {
      const auto byte = static_cast<unsigned char>(c);
      if (byte >= static_cast<unsigned char>(pattern_[p]) &&
          byte <= static_cast<unsigned char>(pattern_[p + 2])) {
        return wanted;
      }
      p += 3;
    } else if (pattern_[p++] == c) {
      return wanted;
    }
  }
  return !wanted;
}

// Whether the byte at `s` is one of the item in [p, after).
bool LuaPattern::fits(size_t s, size_t p, size_t after) const noexcept {
  if (s >= subject_.size()) {
    return false;
  }
  const char c = subject_[s];
  switch (pattern_[p]) {
    case '.':
      return true;
    case '%':
      return in_class(c, pattern_[p + 1]);
    case '[':
      return in_set(c, p + 1, after - 1);
    default:
      return pattern_[p] == c;
  }
}

// As many as there are, then fewer.
size_t LuaPattern::repeat(size_t s, size_t p, size_t after) noexcept {
  size_t count = 0;
  while (fits(s + count, p, after) && step()) {
    ++count;
  }
  for (;; --count) {
    const size_t end = walk(s + count, after + 1);
    if (end != kNo || count == 0 || fault_ != nullptr) {
      return end;
    }
  }
}

size_t LuaPattern::repeat_shortest(size_t s, size_t p, size_t after) noexcept {
  for (;; ++s) {
    const size_t end = walk(s, after + 1);
    if (end != kNo || fault_ != nullptr || !fits(s, p, after)) {
      return end;
    }
  }
}

size_t LuaPattern::open_capture(size_t s, size_t p, bool position) noexcept {
  if (level_ == kCaptures) {
    return fail("the pattern has more than 32 groups");
  }
  captures_[level_++] = {s, position ? 0 : kOpen, position};
  const size_t end = walk(s, p);
  if (end == kNo) {
    --level_;
  }
  return end;
}

size_t LuaPattern::close_capture(size_t s, size_t p) noexcept {
  size_t i = level_;
  while (i > 0 && captures_[i - 1].size != kOpen) {
    --i;
  }
  if (i == 0) {
    return fail("a `)` of the pattern has no `(`");
  }
  Capture& one = captures_[i - 1];
  one.size = s - one.begin;
  const size_t end = walk(s, p);
  if (end == kNo) {
    one.size = kOpen;
  }
  return end;
}

// `%bxy`: from an x to the y that belongs to it.
size_t LuaPattern::between(size_t s, size_t p) noexcept {
  const char open = pattern_[p];
  const char close = pattern_[p + 1];
  if (s >= subject_.size() || subject_[s] != open) {
    return kNo;
  }
  size_t depth = 1;
  while (++s < subject_.size() && step()) {
    if (subject_[s] == close) {
      if (--depth == 0) {
        return s + 1;
      }
    } else if (subject_[s] == open) {
      ++depth;
    }
  }
  return kNo;
}

// `%1`: what that group has found, once more.
size_t LuaPattern::same_as_before(size_t s, size_t p) noexcept {
  const auto i = static_cast<size_t>(pattern_[p] - '1');
  if (pattern_[p] == '0' || i >= level_ || captures_[i].size == kOpen) {
    return fail("the pattern names a group that is not there");
  }
  const std::string_view wanted = text(captures_[i]);
  steps_ -= std::min<uint64_t>(steps_, wanted.size() / 16);
  return subject_.substr(s).starts_with(wanted) ? s + wanted.size() : kNo;
}

bool LuaPattern::at_frontier(size_t s, size_t p, size_t after) noexcept {
  const char before = s == 0 ? '\0' : subject_[s - 1];
  const char here = s < subject_.size() ? subject_[s] : '\0';
  return !in_set(before, p + 1, after - 1) && in_set(here, p + 1, after - 1);
}

bool LuaPattern::is_special(size_t p) const noexcept {
  if (pattern_[p] != '%' || p + 1 == pattern_.size()) {
    return false;
  }
  const char kind = pattern_[p + 1];
  return kind == 'b' || kind == 'f' || is_digit(kind);
}

// `%bxy`, `%f[set]` or `%1` at `p`: behind it in both. False: it does not fit.
bool LuaPattern::take_special(size_t& s, size_t& p) noexcept {
  const char kind = pattern_[p + 1];
  if (kind == 'b') {
    s = p + 3 < pattern_.size() ? between(s, p + 2) : fail("`%b` of the pattern wants two letters");
    p += 4;
    return s != kNo;
  }
  if (kind != 'f') {
    s = same_as_before(s, p + 1);
    p += 2;
    return s != kNo;
  }
  if (p + 2 >= pattern_.size() || pattern_[p + 2] != '[') {
    fail("`%f` of the pattern wants a `[set]`");
    return false;
  }
  const size_t after = item_end(p + 2);
  if (after == kNo || !at_frontier(s, p + 2, after)) {
    return false;
  }
  p = after;
  return true;
}

// One item and what is said of how often. True: it goes on at `s` and `p`; else `s` is the end.
bool LuaPattern::take_item(size_t& s, size_t& p) noexcept {
  const size_t after = item_end(p);
  if (after == kNo) {
    s = kNo;
    return false;
  }
  switch (after < pattern_.size() ? pattern_[after] : '\0') {
    case '*':
      s = repeat(s, p, after);
      return false;
    case '+':
      s = fits(s, p, after) ? repeat(s + 1, p, after) : kNo;
      return false;
    case '-':
      s = repeat_shortest(s, p, after);
      return false;
    case '?':
      if (fits(s, p, after)) {
        if (const size_t end = walk(s + 1, after + 1); end != kNo || fault_ != nullptr) {
          s = end;
          return false;
        }
      }
      p = after + 1;
      return true;
    default:
      s = fits(s, p, after) ? s + 1 : kNo;
      p = after;
      return s != kNo;
  }
}

size_t LuaPattern::walk(size_t s, size_t p) noexcept {
  if (depth_ == kDepth) {
    return fail("the pattern is too complex");
  }
  ++depth_;
  const size_t end = walk_on(s, p);
  --depth_;
  return end;
}

size_t LuaPattern::walk_on(size_t s, size_t p) noexcept {
  while (p < pattern_.size()) {
    if (!step()) {
      return kNo;
    }
    const char c = pattern_[p];
    if (c == '(') {
      const bool position = p + 1 < pattern_.size() && pattern_[p + 1] == ')';
      return open_capture(s, p + (position ? 2U : 1U), position);
    }
    if (c == ')') {
      return close_capture(s, p + 1);
    }
    if (c == '$' && p + 1 == pattern_.size()) {
      return s == subject_.size() ? s : kNo;
    }
    if (is_special(p)) {
      if (!take_special(s, p)) {
        return kNo;
      }
    } else if (!take_item(s, p)) {
      return s;
    }
  }
  return s;
}

}  // namespace pingap::plugin
