#include "plugin/transform/replacing.h"

#include <algorithm>
#include <array>

#include "base/strings.h"

namespace pingap::plugin {
namespace {

constexpr size_t kMost = Rule::kMostMatch;

bool same_letter(char of_text, char of_rule) noexcept {
  return to_lower(of_text) == of_rule;
}

void append_filled(std::string_view with, std::span<const std::string_view> groups,
                   std::string& out) {
  for (size_t i = 0; i < with.size(); ++i) {
    if (with[i] == '$' && i + 1 < with.size() && is_digit(with[i + 1])) {
      out += groups[static_cast<size_t>(with[++i] - '0')];
    } else {
      out += with[i];
    }
  }
}

}  // namespace

void Stage::add(std::string_view piece, std::string& out) {
  if (done_) {
    out += piece;
    return;
  }
  held_ += piece;
  run(out, false);
}

void Stage::finish(std::string& out) {
  if (!done_) {
    run(out, true);
  }
}

void Stage::run(std::string& out, bool last) {
  if (rule_.regex) {
    replace_regex(out, last);
  } else {
    replace_text(out, last);
  }
  if (done_ || last) {
    done_ = true;
    pass(out, held_.size());
    held_.clear();
    seen_ = 0;
  } else if (seen_ > 1) {
    held_.erase(0, seen_ - 1);  // the last one: what is behind it may begin a word
    seen_ = 1;
  }
}

// As it is, up to there.
void Stage::pass(std::string& out, size_t to) {
  out.append(held_, seen_, to - seen_);
  seen_ = to;
}

// ---- a text

size_t Stage::find_text(size_t from) const noexcept {
  if (!rule_.ignore_case) {
    return held_.find(rule_.text, from);
  }
  const auto begin = held_.begin() + static_cast<std::ptrdiff_t>(from);
  const auto found =
      std::search(begin, held_.end(), rule_.text.begin(), rule_.text.end(), same_letter);
  return found == held_.end() ? std::string::npos : static_cast<size_t>(found - held_.begin());
}

// The bytes at the end that may be the start of it.
size_t Stage::kept_back(size_t from) const noexcept {
  const std::string& text = rule_.text;
  for (size_t size = std::min(text.size() - 1, held_.size() - from); size > 0; --size) {
    const auto end = held_.end();
    const auto begin = end - static_cast<std::ptrdiff_t>(size);
    const bool fits = rule_.ignore_case ? std::equal(begin, end, text.begin(), same_letter)
                                        : std::equal(begin, end, text.begin());
    if (fits) {
      return size;
    }
  }
  return 0;
}

void Stage::replace_text(std::string& out, bool last) {
  for (size_t at = find_text(seen_); at != std::string::npos; at = find_text(seen_)) {
    pass(out, at);
    out += rule_.with;
    seen_ = at + rule_.text.size();
    if (rule_.once) {
      done_ = true;
      return;
    }
  }
  pass(out, held_.size() - (last ? 0 : kept_back(seen_)));
}

// ---- a regular expression
//
// What is looked at is always 2 * kMost bytes from where the last decision was made, but at the
// end: so it does not matter how the text is cut. A match begins in the first half of them, and
// what it may be made of are kMost bytes from there.

void Stage::replace_regex(std::string& out, bool last) {
  std::array<std::string_view, 10> groups;
  while (last ? seen_ < held_.size() : held_.size() - seen_ > 2 * kMost) {
    const size_t end = std::min(held_.size(), seen_ + 2 * kMost);
    groups = {};
    const bool found = rule_.regex->match_between(held_, seen_, end, Regex::At::anywhere, groups);
    const size_t at = found ? static_cast<size_t>(groups[0].data() - held_.data()) : end;
    if (at - seen_ >= kMost || at == end) {
      pass(out, std::min(seen_ + kMost, end));
      continue;
    }
    pass(out, at);
    const size_t most = std::min(held_.size(), at + kMost);
    groups = {};
    if (!rule_.regex->match_between(held_, at, most, Regex::At::start, groups) ||
        groups[0].empty()) {
      pass(out, at + 1);  // too long, or nothing at all
      continue;
    }
    append_filled(rule_.with, groups, out);
    seen_ = at + groups[0].size();
    if (rule_.once) {
      done_ = true;
      return;
    }
  }
}

}  // namespace pingap::plugin
