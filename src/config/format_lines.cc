#include "config/format_lines.h"

#include <algorithm>
#include <utility>

namespace pingap::config {
namespace {

// The column of a comment behind a tab: the same for all, and none that a comment can keep.
constexpr size_t kTab = SIZE_MAX;

// Blanks before a comment that has no neighbours in its column.
constexpr size_t kGap = 2;

// In code points, of the last line of a text.
size_t width_of(std::string_view text) noexcept {
  text.remove_prefix(text.rfind('\n') + 1);  // npos + 1 is 0
  return static_cast<size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

size_t column_of(std::string_view text, size_t at) noexcept {
  const std::string_view before = text.substr(0, at);
  const size_t blanks = before.find_last_not_of(" \t") + 1;  // npos + 1 is 0
  return before.find('\t', blanks) == std::string_view::npos ? width_of(before) : kTab;
}

}  // namespace

void FormatLines::comment(std::string_view text, Span span) {
  std::string_view written = span.of(text);
  written = written.substr(0, written.find_last_not_of(" \t") + 1);
  line_.comment = written;
  line_.column = column_of(text, span.begin);
}

void FormatLines::end() {
  lines_.push_back(std::exchange(line_, {}));
}

std::string FormatLines::render() {
  size_t begin = 0;
  for (size_t i = 0; i <= lines_.size(); ++i) {
    if (i == lines_.size() || lines_[i].blank()) {
      align_block(begin, i);
      begin = i + 1;
    }
  }
  std::string out;
  for (const Line& line : lines_) {
    out += line.text;
    if (line.ends_with_comment()) {
      out.append(line.column - width_of(line.text), ' ');
    }
    out += line.comment;
    out += '\n';
  }
  return out;
}

// Lines between blank ones. A run are those in the same column, whatever is between them that has
// no comment at its end.
void FormatLines::align_block(size_t begin, size_t end) {
  std::vector<size_t> run;
  for (size_t i = begin; i < end; ++i) {
    if (!lines_[i].ends_with_comment()) {
      continue;
    }
    if (!run.empty() && lines_[run.front()].column != lines_[i].column) {
      align(run, begin, end);
      run.clear();
    }
    run.push_back(i);
  }
  if (!run.empty()) {
    align(run, begin, end);
  }
}

void FormatLines::align(const std::vector<size_t>& run, size_t begin, size_t end) {
  size_t width = 0;
  for (const size_t i : run) {
    width = std::max(width, width_of(lines_[i].text));
  }
  const size_t column = lines_[run.front()].column;
  const bool stays =
      column != kTab && column > width && (run.size() > 1 || is_in_comment(begin, end, column));
  for (const size_t i : run) {
    lines_[i].column = stays ? column : width + kGap;
  }
}

// Whether a line of the block that is only a comment, such as a key that is commented out, has a
// comment in this column.
bool FormatLines::is_in_comment(size_t begin, size_t end, size_t column) const noexcept {
  for (size_t i = begin; i < end; ++i) {
    const std::string_view comment = lines_[i].comment;
    if (lines_[i].ends_with_comment()) {
      continue;
    }
    const size_t start = width_of(lines_[i].text);
    for (size_t at = comment.find(" #"); at != std::string_view::npos;
         at = comment.find(" #", at + 1)) {
      if (start + width_of(comment.substr(0, at + 1)) == column) {
        return true;
      }
    }
  }
  return false;
}

}  // namespace pingap::config
