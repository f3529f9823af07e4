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

// Bytes of the character that `text` starts with; 0 where it is not to be shown: no UTF-8 (RFC 3629
// section 3), or a control character, those of Latin-1 (U+0080 to U+009F) included.
size_t length_of_shown(std::string_view text) noexcept {
  const auto first = static_cast<unsigned char>(text.front());
  if (first < 0x80) {
    return first == '\t' || !is_control(text.front()) ? 1 : 0;
  }
  const size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) {
    return 0;
  }
  uint32_t character = first & (0x7FU >> length);
  for (const char c : text.substr(1, length - 1)) {
    if (!is_continuation(c)) {
      return 0;
    }
    character = character << 6U | (static_cast<unsigned char>(c) & 0x3FU);
  }
  const uint32_t least = length == 4 ? 0x10000 : length == 3 ? 0x800 : 0xA0;
  const bool surrogate = character >= 0xD800 && character < 0xE000;
  return character >= least && character <= 0x10FFFF && !surrogate ? length : 0;
}

// The line with a caret below the column. A terminal must not obey bytes of the file, and who reads
// the text may want UTF-8: what is neither becomes '?'. A long line is cut around the caret.
void append_excerpt(std::string& out, std::string_view line, uint32_t number, uint32_t column) {
  const size_t caret = byte_of_column(line, column);
  size_t first = caret > kMaxExcerpt / 2 ? caret - kMaxExcerpt / 2 : 0;
  for (int i = 0; i < 3 && first > 0 && is_continuation(line[first]); ++i) {
    --first;
  }
  size_t last = std::min(line.size(), first + kMaxExcerpt);
  for (int i = 0; i < 3 && last < line.size() && is_continuation(line[last]); ++i) {
    ++last;
  }
  std::string shown = first > 0 ? "..." : "";
  std::string blank = first > 0 ? "   " : "";
  for (size_t i = first; i < last;) {
    const size_t length = length_of_shown(line.substr(i, last - i));
    shown += length == 0 ? "?" : line.substr(i, length);
    if (i < caret) {
      blank += line[i] == '\t' ? '\t' : ' ';
    }
    i += std::max<size_t>(length, 1);
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
