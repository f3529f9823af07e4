// What is where: tables, entries, the comments that belong to them.
#include "config/toml_document.h"

#include <algorithm>

#include <fmt/format.h>

#include "config/toml_write.h"

namespace pingap::config {
namespace {

ItemPath names_of(const std::vector<KeyPart>& keys) {
  ItemPath path;
  for (const KeyPart& part : keys) {
    path.push_back(part.name);
  }
  return path;
}

}  // namespace

bool begins_with(ItemPathView path, ItemPathView start) noexcept {
  return path.size() >= start.size() && std::ranges::equal(path.first(start.size()), start);
}

Relation relate(ItemPathView table, const std::vector<KeyPart>& keys, ItemPathView path) noexcept {
  if (!begins_with(path, table.first(std::min(table.size(), path.size())))) {
    return Relation::apart;
  }
  const size_t size = table.size() + keys.size();
  for (size_t i = table.size(); i < std::min(size, path.size()); ++i) {
    if (keys[i - table.size()].name != path[i]) {
      return Relation::apart;
    }
  }
  return size == path.size()  ? Relation::same
         : size > path.size() ? Relation::below
                              : Relation::above;
}

std::optional<TomlDocument> TomlDocument::read(std::string text) {
  TomlDocument document;
  document.text_ = std::move(text);
  if (!document.scan()) {
    return std::nullopt;
  }
  return document;
}

bool TomlDocument::scan() {
  auto rows = read_rows(text_);
  if (!rows) {
    return false;
  }
  rows_ = std::move(*rows);
  const size_t first = text_.find('\n');
  newline_ = first != std::string::npos && first > 0 && text_[first - 1] == '\r' ? "\r\n" : "\n";
  std::vector<ItemPath> arrays;
  tables_.assign(1, {});
  for (size_t i = 0; i < rows_.size(); ++i) {
    if (!is_header(rows_[i])) {
      continue;
    }
    tables_.back().end = i;
    Table table{names_of(rows_[i].keys), i, i + 1, i + 1, false};
    if (rows_[i].kind == RowKind::array_table &&
        std::ranges::find(arrays, table.path) == arrays.end()) {
      arrays.push_back(table.path);
    }
    table.in_array = std::ranges::any_of(
        arrays, [&](const ItemPath& array) { return begins_with(table.path, array); });
    tables_.push_back(std::move(table));
  }
  tables_.back().end = rows_.size();
  return true;
}

void TomlDocument::splice(Span span, std::string_view replacement) {
  text_.replace(span.begin, span.size(), replacement);
  // What was put in was checked before; if it broke the rows all the same, the result is refused.
  if (!scan()) {
    rows_.clear();
    tables_.assign(1, {});
  }
}

// Without these rows; what was blank above and below them is so once.
void TomlDocument::erase(const std::vector<bool>& rows) {
  std::string kept = text_.substr(0, rows_.empty() ? text_.size() : rows_.front().span.begin);
  const size_t start = kept.size();
  size_t end_of_content = kept.size();
  bool blank = true;
  bool gap = false;
  for (size_t i = 0; i < rows_.size(); ++i) {
    const bool is_blank = rows_[i].kind == RowKind::blank;
    gap = gap || rows[i];
    if (rows[i] || (gap && is_blank && blank)) {
      continue;
    }
    kept += rows_[i].span.of(text_);
    end_of_content = is_blank ? end_of_content : kept.size();
    blank = is_blank;
    gap = false;
  }
  if (gap) {
    kept.resize(std::max(end_of_content, start));
  }
  text_ = std::move(kept);
  splice({}, {});
}

const TomlDocument::Table* TomlDocument::find_table(ItemPathView path) const {
  const auto found = std::ranges::find_if(tables_, [&](const Table& table) {
    return !table.in_array && std::ranges::equal(table.path, path);
  });
  return found == tables_.end() ? nullptr : &*found;
}

// Whether entries or tables below it are all there is of it.
bool TomlDocument::is_spread(ItemPathView path) const {
  return std::ranges::any_of(tables_,
                             [&](const Table& table) { return begins_with(table.path, path); }) ||
         each_entry(path, [](const Table&, size_t, Relation relation) {
           return relation == Relation::below;
         });
}

// An item of an array of tables has no path. With `whole` the array itself may be meant.
Step TomlDocument::check_arrays(ItemPathView path, bool whole) const {
  for (const Table& table : tables_) {
    if (table.header != kNone && rows_[table.header].kind == RowKind::array_table &&
        begins_with(path, table.path) && !(whole && table.path.size() == path.size())) {
      return edit_error(EditFault::conflict,
                        fmt::format("[[{}]] is an array of tables: its items cannot be changed "
                                    "one by one",
                                    toml_path(table.path)),
                        "edit the text");
    }
  }
  return {};
}

size_t TomlDocument::comment_above(size_t row) const noexcept {
  while (row > 0 && rows_[row - 1].kind == RowKind::comment) {
    --row;
  }
  return row;
}

size_t TomlDocument::last_entry(const Table& table) const noexcept {
  for (size_t i = table.end; i > table.begin; --i) {
    if (rows_[i - 1].kind == RowKind::entry) {
      return i - 1;
    }
  }
  return kNone;
}

// The first row that is no more of this table: comments directly below its last entry are, unless
// they stand directly above the next header.
size_t TomlDocument::extent(const Table& table) const noexcept {
  const size_t last = last_entry(table);
  const size_t behind = last == kNone ? table.begin : last + 1;
  size_t at = behind;
  while (at < table.end && rows_[at].kind == RowKind::comment) {
    ++at;
  }
  return at == table.end && table.end < rows_.size() ? behind : at;
}

std::string_view TomlDocument::indentation(size_t row) const noexcept {
  return Span{rows_[row].span.begin, rows_[row].content.begin}.of(text_);
}

std::string TomlDocument::own_newlines(std::string_view text) const {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      out += newline_;
    } else if (c != '\r') {
      out += c;
    }
  }
  return out;
}

std::optional<std::string> TomlDocument::value_text(ItemPathView path) const {
  std::optional<std::string> found;
  each_entry(path, [&](const Table& table, size_t row, Relation relation) {
    const Row* at = &rows_[row];
    if (relation == Relation::same) {
      found = at->value.of(text_);
      return true;
    }
    if (relation != Relation::above) {
      return false;
    }
    Span span = at->value;
    ItemPathView rest = path.subspan(table.path.size() + at->keys.size());
    while (const auto next = inline_entry(span, rest)) {
      span = next->value;
      rest = rest.subspan(next->keys.size());
      if (rest.empty()) {
        found = span.of(text_);
        break;
      }
    }
    return true;
  });
  return found;
}

// The entry of an inline table that is at `rest` or on the way there.
std::optional<Entry> TomlDocument::inline_entry(Span span, ItemPathView rest) const {
  auto entries = read_inline_table(text_, span);
  for (size_t i = 0; entries && i < entries->size(); ++i) {
    const Relation relation = relate({}, (*entries)[i].keys, rest);
    if (relation == Relation::same || relation == Relation::above) {
      return std::move((*entries)[i]);
    }
  }
  return std::nullopt;
}

// The rows of [PATH] and of all tables below it, their headers beginning at the item.
std::optional<std::string> TomlDocument::body_of(ItemPathView path) const {
  const Table* own = find_table(path);
  const bool elsewhere = each_entry(path, [&](const Table& table, size_t, Relation relation) {
    return relation != Relation::apart && table.path.size() < path.size();
  });
  if (own == nullptr || elsewhere || !check_arrays(path, false)) {
    return std::nullopt;
  }
  std::string body;
  for (const Table& table : tables_) {
    if (&table == own) {
      append_rows(body, table.begin, extent(table));
    } else if (begins_with(table.path, path)) {
      body += body.empty() ? "" : newline_;
      append_rows(body, comment_above(table.header), table.header);
      const Row& row = rows_[table.header];
      body += Span{row.span.begin, row.keys[0].span.begin}.of(text_);
      body += Span{row.keys[path.size()].span.begin, row.span.end}.of(text_);
      append_rows(body, table.begin, extent(table));
    }
  }
  return body;
}

void TomlDocument::append_rows(std::string& out, size_t begin, size_t end) const {
  if (begin < end) {
    out += Span{rows_[begin].span.begin, rows_[end - 1].span.end}.of(text_);
    out += out.ends_with('\n') ? "" : newline_;
  }
}

}  // namespace pingap::config
