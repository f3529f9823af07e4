// Putting values and tables into a document.
#include <algorithm>

#include <fmt/format.h>

#include "config/toml_document.h"
#include "config/toml_write.h"

namespace pingap::config {
namespace {

std::string entry_line(ItemPathView keys, std::string_view value) {
  return fmt::format("{} = {}", toml_path(keys), value);
}

std::string header_line(ItemPathView path) {
  return fmt::format("[{}]", toml_path(path));
}

tl::unexpected<EditError> no_value(ItemPathView path) {
  return edit_error(EditFault::conflict,
                    fmt::format("`{}` is a table of several rows, not a value", toml_path(path)),
                    "remove it first");
}

}  // namespace

Step TomlDocument::set(ItemPathView path, std::string_view value) {
  if (Step fine = check_arrays(path, false); !fine) {
    return fine;
  }
  const std::string own = own_newlines(value);
  Step done;
  const bool found = each_entry(path, [&](const Table& table, size_t row, Relation relation) {
    const Span span = rows_[row].value;
    if (relation == Relation::same) {
      splice(span, own);
    } else if (relation == Relation::above) {
      done = set_inline(span, path, table.path.size() + rows_[row].keys.size(), own);
    }
    return relation != Relation::below;
  });
  if (found) {
    return done;
  }
  if (is_spread(path)) {
    return no_value(path);
  }
  insert(path, own);
  return {};
}

// `depth` keys of the path lead to the value at `span`.
Step TomlDocument::set_inline(Span span, ItemPathView path, size_t depth, std::string_view value) {
  const ItemPathView rest = path.subspan(depth);
  const auto entries = read_inline_table(text_, span);
  if (!entries) {
    return edit_error(EditFault::conflict,
                      fmt::format("`{}` cannot be set: `{}` is no table", toml_path(path),
                                  toml_path(path.first(depth))));
  }
  for (const Entry& entry : *entries) {
    switch (relate({}, entry.keys, rest)) {
      case Relation::same:
        splice(entry.value, value);
        return {};
      case Relation::above:
        return set_inline(entry.value, path, depth + entry.keys.size(), value);
      case Relation::below:
        return no_value(path);
      case Relation::apart:
        break;
    }
  }
  const std::string line = entry_line(rest, value);
  if (entries->empty()) {
    splice(span, fmt::format("{{ {} }}", line));
  } else {
    const size_t end = entries->back().value.end;
    splice({end, end}, ", " + line);
  }
  return {};
}

// The nearest table on the way to the new item decides where it goes.
void TomlDocument::insert(ItemPathView path, std::string_view value) {
  for (size_t depth = path.size() - 1; depth > 0; --depth) {
    if (insert_at(path, depth, value)) {
      return;
    }
  }
  if (path.size() == 1) {
    insert_entry(tables_.front(), path, value);
  } else if (!insert_at(path, 0, value)) {
    insert_table(path.first(path.size() - 1), entry_line(path.last(1), value));
  }
}

bool TomlDocument::insert_at(ItemPathView path, size_t depth, std::string_view value) {
  const ItemPathView parent = path.first(path.size() - 1);
  const ItemPathView above = path.first(depth);
  const Table* table = depth == 0 ? nullptr : find_table(above);
  if (table != nullptr && depth == parent.size()) {
    insert_entry(*table, path.last(1), value);
    return true;
  }
  if (depth == 0) {
    return false;
  }
  if (table == nullptr && insert_dotted(path, depth, value)) {
    return true;
  }
  const auto below = std::ranges::find_if(
      tables_, [&](const Table& other) { return begins_with(other.path, above); });
  if (below == tables_.end()) {
    return false;
  }
  const std::string line = entry_line(path.last(1), value);
  if (table == nullptr && depth == parent.size()) {
    insert_super_table(parent, line, below->header);
  } else {
    insert_table(parent, line);
  }
  return true;
}

// Where dotted keys make the table, one more does the same.
bool TomlDocument::insert_dotted(ItemPathView path, size_t depth, std::string_view value) {
  size_t last = kNone;
  size_t own = 0;  // how much of the path the table's header says
  each_entry(path.first(depth), [&](const Table& table, size_t row, Relation relation) {
    if (relation == Relation::below && table.path.size() < depth) {
      last = row;
      own = table.path.size();
    }
    return false;
  });
  if (last == kNone) {
    return false;
  }
  insert_behind(last, entry_line(path.subspan(own), value));
  return true;
}

void TomlDocument::insert_entry(const Table& table, ItemPathView keys, std::string_view value) {
  const std::string line = entry_line(keys, value);
  if (const size_t last = last_entry(table); last != kNone) {
    insert_behind(last, line);
  } else if (table.header != kNone) {
    insert_behind(table.header, line);
  } else {
    insert_root_entry(line);
  }
}

// Above all headers, but below what is said of the whole file.
void TomlDocument::insert_root_entry(std::string_view line) {
  const Table& root = tables_.front();
  if (root.end == rows_.size()) {
    const std::string_view lead = text_.empty() || text_.ends_with('\n') ? "" : newline_;
    splice({text_.size(), text_.size()}, fmt::format("{}{}{}", lead, line, newline_));
    return;
  }
  const size_t at = rows_[comment_above(root.end)].span.begin;
  splice({at, at}, fmt::format("{}{}{}", line, newline_, newline_));
}

void TomlDocument::insert_behind(size_t row, std::string_view line) {
  const Span span = rows_[row].span;
  const std::string indent(indentation(row));
  const bool ended = span.of(text_).ends_with('\n');
  splice({span.end, span.end}, ended ? fmt::format("{}{}{}", indent, line, newline_)
                                     : fmt::format("{}{}{}", newline_, indent, line));
}

// Behind the last table that has most of the path in common, or at the end of the text.
void TomlDocument::insert_table(ItemPathView path, std::string_view lines) {
  const Table* behind = nullptr;
  for (size_t size = path.size(); size > 0 && behind == nullptr; --size) {
    for (const Table& table : tables_) {
      behind = begins_with(table.path, path.first(size)) ? &table : behind;
    }
  }
  size_t at = behind == nullptr ? rows_.size() : extent(*behind);
  while (behind == nullptr && at > 0 && rows_[at - 1].kind == RowKind::blank) {
    --at;
  }
  std::string piece;
  if (at > 0) {
    piece += rows_[at - 1].span.of(text_).ends_with('\n') ? "" : newline_;
    piece += rows_[at - 1].kind == RowKind::blank ? "" : newline_;
  }
  piece += header_line(path);
  piece += newline_;
  piece += lines;
  piece += piece.ends_with('\n') ? "" : newline_;
  piece += at < rows_.size() && rows_[at].kind != RowKind::blank ? newline_ : "";
  const size_t place = at < rows_.size() ? rows_[at].span.begin : text_.size();
  splice({place, place}, piece);
}

// Above the first of the tables below it.
void TomlDocument::insert_super_table(ItemPathView path, std::string_view lines, size_t header) {
  const size_t place = rows_[comment_above(header)].span.begin;
  splice({place, place},
         fmt::format("{}{}{}{}{}", header_line(path), newline_, lines, newline_, newline_));
}

// The rows of the document, without blank ones around them, with headers that begin at `path`.
std::string TomlDocument::lines_below(ItemPathView path) const {
  size_t begin = 0;
  size_t end = rows_.size();
  while (begin < end && rows_[begin].kind == RowKind::blank) {
    ++begin;
  }
  while (end > begin && rows_[end - 1].kind == RowKind::blank) {
    --end;
  }
  std::string lines;
  for (size_t i = begin; i < end; ++i) {
    const Row& row = rows_[i];
    if (is_header(row)) {
      lines += Span{row.span.begin, row.keys[0].span.begin}.of(text_);
      lines += toml_path(path) + '.';
      lines += Span{row.keys[0].span.begin, row.span.end}.of(text_);
    } else {
      lines += row.span.of(text_);
    }
  }
  lines += lines.empty() || lines.ends_with('\n') ? "" : "\n";
  return lines;
}

void TomlDocument::add_table(ItemPathView path, const TomlDocument& body) {
  insert_table(path, own_newlines(body.lines_below(path)));
}

bool TomlDocument::replace_table(ItemPathView path, const TomlDocument& body) {
  if (find_table(path) == nullptr) {
    return false;
  }
  std::vector<bool> gone(rows_.size());
  for (const Table& table : tables_) {
    if (begins_with(table.path, path)) {
      const bool own = table.path.size() == path.size();
      mark_rows(gone, own ? table.begin : comment_above(table.header), extent(table));
    }
  }
  erase(gone);
  const Span header = rows_[find_table(path)->header].span;
  const std::string_view lead = header.of(text_).ends_with('\n') ? "" : newline_;
  splice({header.end, header.end}, fmt::format("{}{}", lead, own_newlines(body.lines_below(path))));
  return true;
}

}  // namespace pingap::config
