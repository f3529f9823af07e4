#include "config/diagnostics.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include <fmt/format.h>

namespace pingap::config {
namespace {

// More than anyone reads; the rest is counted. Keeps a hostile text from filling the memory.
constexpr size_t kMaxEntries = 1000;

// Longest piece of a source line that is shown, in bytes.
constexpr size_t kMaxExcerpt = 160;

std::string_view to_string(Severity severity) noexcept {
  return severity == Severity::error ? "error" : "warning";
}

bool is_continuation(char c) noexcept {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

bool is_control(char c) noexcept {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

// The byte at which the code point number `column` (from 1) of `line` starts.
size_t byte_of_column(std::string_view line, uint32_t column) noexcept {
  uint32_t at = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    if (!is_continuation(line[i]) && ++at == column) {
      return i;
    }
  }
  return line.size();
}

// The line with a caret below the column. A terminal must not obey bytes of the file, so control
// bytes become '?'; a long line is cut around the caret.
void append_excerpt(std::string& out, std::string_view line, uint32_t number, uint32_t column) {
  const size_t caret = byte_of_column(line, column);
  size_t first = caret > kMaxExcerpt / 2 ? caret - kMaxExcerpt / 2 : 0;
  while (first > 0 && is_continuation(line[first])) {
    --first;
  }
  size_t last = std::min(line.size(), first + kMaxExcerpt);
  while (last < line.size() && is_continuation(line[last])) {
    ++last;
  }
  std::string shown = first > 0 ? "..." : "";
  std::string blank = first > 0 ? "   " : "";
  for (size_t i = first; i < last; ++i) {
    const char c = line[i];
    shown += c == '\t' || !is_control(c) ? c : '?';
    if (i < caret && !is_continuation(c)) {
      blank += c == '\t' ? '\t' : ' ';
    }
  }
  shown += last < line.size() ? "..." : "";
  fmt::format_to(std::back_inserter(out), "{:>5} | {}\n      | {}^\n", number, shown, blank);
}

}  // namespace

uint32_t Diagnostics::add_source(std::string name, std::string text) {
  Source source{std::move(name), std::move(text), {0}};
  for (size_t i = 0; i < source.text.size(); ++i) {
    if (source.text[i] == '\n') {
      source.lines.push_back(i + 1);
    }
  }
  sources_.push_back(std::move(source));
  return static_cast<uint32_t>(sources_.size() - 1);
}

void Diagnostics::error(Position at, std::string what, std::string allowed, std::string hint) {
  add({Severity::error, at, std::move(what), std::move(allowed), std::move(hint)});
}

void Diagnostics::warning(Position at, std::string what, std::string allowed, std::string hint) {
  add({Severity::warning, at, std::move(what), std::move(allowed), std::move(hint)});
}

void Diagnostics::add(Diagnostic entry) {
  if (known(entry)) {
    return;
  }
  if (entry.severity == Severity::error) {
    ++errors_;
  }
  if (full()) {
    ++dropped_;
    return;
  }
  entries_.push_back(std::move(entry));
}

// What is used in two places, such as a location of two servers, is looked at twice.
bool Diagnostics::known(const Diagnostic& entry) const noexcept {
  return entry.at.line > 0 && std::ranges::any_of(entries_, [&entry](const Diagnostic& other) {
           return other.at.line == entry.at.line && other.at.column == entry.at.column &&
                  other.at.source == entry.at.source && other.severity == entry.severity &&
                  other.what == entry.what;
         });
}

bool Diagnostics::full() const noexcept {
  return entries_.size() >= kMaxEntries;
}

std::string Diagnostics::place(Position at) const {
  if (at.line == 0 || at.source >= sources_.size()) {
    return {};
  }
  return fmt::format("{}:{}:{}", sources_[at.source].name, at.line, at.column);
}

std::string_view Diagnostics::line(Position at) const noexcept {
  const Source& source = sources_[at.source];
  if (at.line > source.lines.size()) {
    return {};
  }
  std::string_view rest = std::string_view(source.text).substr(source.lines[at.line - 1]);
  rest = rest.substr(0, rest.find('\n'));
  if (rest.ends_with('\r')) {
    rest.remove_suffix(1);
  }
  return rest;
}

std::string Diagnostics::render() const {
  std::vector<const Diagnostic*> sorted;
  sorted.reserve(entries_.size());
  for (const Diagnostic& entry : entries_) {
    sorted.push_back(&entry);
  }
  // What has no place (line 0) comes first, whatever its source; entries of one place stay in the
  // order they were found in, which is that of their addresses.
  std::ranges::sort(sorted, {}, [](const Diagnostic* entry) {
    const Position& at = entry->at;
    return std::tuple(at.line == 0 ? 0 : at.source + 1, at.line, at.column, entry);
  });
  std::string out;
  for (const Diagnostic* entry : sorted) {
    append(out, *entry);
  }
  if (dropped_ > 0) {
    fmt::format_to(std::back_inserter(out), "... and {} more\n", dropped_);
  }
  return out;
}

bool Diagnostics::lists(const std::vector<Position>& places, Position at) noexcept {
  return std::ranges::any_of(
      places, [at](const Position& one) { return one.source == at.source && one.line == at.line; });
}

void Diagnostics::append(std::string& out, const Diagnostic& entry) const {
  const std::string where = place(entry.at);
  if (!where.empty()) {
    out += where + ": ";
  }
  out += to_string(entry.severity);
  out += ": " + entry.what;
  for (const std::string* part : {&entry.allowed, &entry.hint}) {
    if (!part->empty()) {
      out += "; " + *part;
    }
  }
  out += '\n';
  if (where.empty() || lists(hidden_, entry.at)) {
    return;
  }
  std::string_view shown = line(entry.at);
  if (lists(cut_, entry.at)) {
    shown = shown.substr(0, std::min(shown.find('='), shown.size() - 1) + 1);
  }
  append_excerpt(out, shown, entry.at.line, entry.at.column);
}

}  // namespace pingap::config
