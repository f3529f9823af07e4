#include "config/unified_diff.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace pingap::config {
namespace {

using Lines = std::vector<std::string_view>;  // each with its end, if it has one

constexpr size_t kContext = 3;  // lines around what differs, as `diff -u` has them

enum class Kind : char { same = ' ', removed = '-', added = '+' };

struct Row {
  Kind kind;
  std::string_view line;
};

Lines lines_of(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    lines.push_back(text.substr(0, end == std::string_view::npos ? end : end + 1));
    text.remove_prefix(lines.back().size());
  }
  return lines;
}

bool is_blank(std::string_view line) noexcept {
  return line.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

// The rows of a run of lines that differ are those removed, then those added.
class Rows {
 public:
  void add(Kind kind, std::string_view line) {
    if (kind == Kind::same) {
      flush();
      rows_.push_back({kind, line});
      return;
    }
    (kind == Kind::removed ? removed_ : added_).push_back({kind, line});
  }

  std::vector<Row> take() {
    flush();
    return std::move(rows_);
  }

 private:
  void flush() {
    for (auto* run : {&removed_, &added_}) {
      std::ranges::copy(*run, std::back_inserter(rows_));
      run->clear();
    }
  }

  std::vector<Row> rows_;
  std::vector<Row> removed_;
  std::vector<Row> added_;
};

std::vector<Row> compare(const Lines& before, const Lines& after) {
  Rows rows;
  auto old = before.begin();
  auto now = after.begin();
  while (old != before.end() || now != after.end()) {
    const bool has_old = old != before.end();
    const bool has_new = now != after.end();
    if (has_old && has_new && *old == *now) {
      rows.add(Kind::same, *old++);
      ++now;
      continue;
    }
    const bool old_blank = has_old && is_blank(*old);
    const bool new_blank = has_new && is_blank(*now);
    // A blank line that the other side has not, before lines that belong together.
    if (has_old && (old_blank || !new_blank)) {
      rows.add(Kind::removed, *old++);
    }
    if (has_new && (new_blank || !old_blank)) {
      rows.add(Kind::added, *now++);
    }
  }
  return rows.take();
}

// Where a hunk begins, as its head names it: the line before it where it has none.
std::string range_text(size_t first, size_t count) {
  const size_t shown = count == 0 ? first : first + 1;
  return count == 1 ? fmt::format("{}", shown) : fmt::format("{},{}", shown, count);
}

void append_rows(std::string& out, const std::vector<Row>& rows, size_t from, size_t to) {
  for (size_t i = from; i < to; ++i) {
    out += static_cast<char>(rows[i].kind);
    out += rows[i].line;
    if (!rows[i].line.ends_with('\n')) {
      out += "\n\\ No newline at end of file\n";
    }
  }
}

// The end of a hunk that has a difference at `at`: with what is near enough to be in the same one.
size_t end_of_hunk(const std::vector<Row>& rows, size_t at) noexcept {
  size_t last = at;
  for (size_t i = at; i < rows.size() && i <= last + 2 * kContext + 1; ++i) {
    last = rows[i].kind == Kind::same ? last : i;
  }
  return std::min(rows.size(), last + 1 + kContext);
}

void append_hunks(std::string& out, const std::vector<Row>& rows) {
  size_t old_line = 0;
  size_t new_line = 0;
  size_t told = 0;  // rows that old_line and new_line are behind
  const auto count_to = [&](size_t end) {
    for (; told < end; ++told) {
      old_line += rows[told].kind == Kind::added ? 0U : 1U;
      new_line += rows[told].kind == Kind::removed ? 0U : 1U;
    }
  };
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].kind == Kind::same) {
      continue;
    }
    const size_t from = std::max(told, i - std::min(i, kContext));
    const size_t to = end_of_hunk(rows, i);
    count_to(from);
    const size_t old_first = old_line;
    const size_t new_first = new_line;
    count_to(to);
    out += fmt::format("@@ -{} +{} @@\n", range_text(old_first, old_line - old_first),
                       range_text(new_first, new_line - new_first));
    append_rows(out, rows, from, to);
    i = to - 1;
  }
}

}  // namespace

std::string unified_diff(std::string_view name, std::string_view before, std::string_view after) {
  if (before == after) {
    return {};
  }
  std::string out = fmt::format("--- {0}\n+++ {0}\n", name);
  append_hunks(out, compare(lines_of(before), lines_of(after)));
  return out;
}

}  // namespace pingap::config
