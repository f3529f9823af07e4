// The smallest steps through a TOML text that is valid: keys, values, comments, ends of lines.
// Inside of this folder. Pure; any thread.
#pragma once

#include <string_view>
#include <vector>

#include "config/toml_layout.h"

namespace pingap::config {

// What a bare key is made of.
bool is_bare(char c) noexcept;

// Every step says whether it found what it looks for, so that a text that is not valid ends the
// walk and nothing worse.
class TomlWalker {
 public:
  explicit TomlWalker(std::string_view text, size_t at = 0) : text_(text), at_(at) {}

  size_t at() const noexcept { return at_; }

  bool done() const noexcept { return at_ >= text_.size(); }

  char peek() const noexcept { return done() ? '\0' : text_[at_]; }

  bool next_is(std::string_view what) const noexcept { return text_.substr(at_).starts_with(what); }

  bool take(char c) noexcept {
    const bool there = !done() && text_[at_] == c;
    at_ += there ? 1U : 0U;
    return there;
  }

  void skip_blanks() noexcept;
  // Blanks, comments and ends of lines, as between the values of an array.
  void skip_between() noexcept;
  bool newline() noexcept;
  // Up to the end of the line; empty where there is none.
  Span comment() noexcept;

  // Of either kind, in one line or over several.
  bool string() noexcept;
  // A number, a date, true, false: up to what cannot be part of it.
  void scalar() noexcept;
  bool value() noexcept;
  // Dotted; blanks behind it are taken, too.
  bool key(std::vector<KeyPart>& out);
  bool entry(Entry& out);

 private:
  bool key_part() noexcept;
  void word() noexcept;
  bool brackets() noexcept;

  std::string_view text_;
  size_t at_;
};

}  // namespace pingap::config
