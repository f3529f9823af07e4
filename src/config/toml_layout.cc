#include "config/toml_layout.h"

#include "config/toml_walker.h"

namespace pingap::config {
namespace {

class RowReader {
 public:
  explicit RowReader(std::string_view text)
      : text_(text), walker_(text, text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0) {}

  std::optional<std::vector<Row>> run() {
    while (!walker_.done()) {
      if (!read_row()) {
        return std::nullopt;
      }
    }
    return std::move(rows_);
  }

 private:
  bool read_row() {
    Row row;
    row.span.begin = walker_.at();
    walker_.skip_blanks();
    row.content.begin = walker_.at();
    if (!read_content(row)) {
      return false;
    }
    walker_.skip_blanks();
    row.comment = walker_.comment();
    if (row.kind == RowKind::blank && !row.comment.empty()) {
      row.kind = RowKind::comment;
    }
    if (!walker_.newline() && !walker_.done()) {
      return false;
    }
    row.span.end = walker_.at();
    rows_.push_back(std::move(row));
    return true;
  }

  bool read_content(Row& row) {
    const char c = walker_.peek();
    bool good = true;
    if (c == '[') {
      good = read_header(row);
    } else if (c == '"' || c == '\'' || is_bare(c)) {
      row.kind = RowKind::entry;
      Entry entry;
      good = walker_.entry(entry);
      row.keys = std::move(entry.keys);
      row.value = entry.value;
    }
    row.content.end = walker_.at();
    return good;
  }

  bool read_header(Row& row) {
    const bool array = walker_.next_is("[[");
    row.kind = array ? RowKind::array_table : RowKind::table;
    return walker_.take('[') && (!array || walker_.take('[')) && walker_.key(row.keys) &&
           walker_.take(']') && (!array || walker_.take(']'));
  }

  std::string_view text_;
  TomlWalker walker_;
  std::vector<Row> rows_;
};

// Splits a value without looking at its grammar, but for keys: they come before an equals sign.
class PieceReader {
 public:
  PieceReader(std::string_view text, Span value)
      : walker_(text.substr(0, value.end), value.begin) {}

  std::vector<Piece> run() {
    while (!walker_.done()) {
      read_piece();
      walker_.skip_blanks();
    }
    return std::move(pieces_);
  }

 private:
  void read_piece() {
    const size_t begin = walker_.at();
    const PieceKind kind = take();
    // Never in a valid text; a walk has to end all the same.
    if (walker_.at() == begin) {
      walker_.take(walker_.peek());
    }
    if (kind == PieceKind::equals) {
      join_key();
    }
    pieces_.push_back({kind, {begin, walker_.at()}});
  }

  PieceKind take() {
    const char c = walker_.peek();
    if (walker_.newline()) {
      return PieceKind::newline;
    }
    switch (c) {
      case '#':
        walker_.comment();
        return PieceKind::comment;
      case '"':
      case '\'':
        walker_.string();
        return PieceKind::text;
      case '[':
      case '{':
        walker_.take(c);
        return PieceKind::open;
      case ']':
      case '}':
        walker_.take(c);
        return PieceKind::close;
      case ',':
        walker_.take(c);
        return PieceKind::comma;
      case '=':
        walker_.take(c);
        return PieceKind::equals;
      default:
        walker_.scalar();
        return PieceKind::text;
    }
  }

  // `a . "b"` was read as texts: together they are the key.
  void join_key() {
    size_t first = pieces_.size();
    while (first > 0 && pieces_[first - 1].kind == PieceKind::text) {
      --first;
    }
    if (first < pieces_.size()) {
      pieces_[first].span.end = pieces_.back().span.end;
      pieces_.resize(first + 1);
    }
  }

  TomlWalker walker_;
  std::vector<Piece> pieces_;
};

}  // namespace

std::optional<std::vector<Row>> read_rows(std::string_view text) {
  return RowReader(text).run();
}

std::optional<std::vector<Entry>> read_inline_table(std::string_view text, Span span) {
  std::vector<Entry> entries;
  TomlWalker walker(text.substr(0, span.end), span.begin);
  if (!walker.take('{')) {
    return std::nullopt;
  }
  for (walker.skip_between(); !walker.take('}'); walker.skip_between()) {
    if (!walker.entry(entries.emplace_back())) {
      return std::nullopt;
    }
    walker.skip_between();
    walker.take(',');
  }
  return entries;
}

std::vector<Piece> read_pieces(std::string_view text, Span value) {
  return PieceReader(text, value).run();
}

std::optional<size_t> value_end(std::string_view text) {
  TomlWalker walker(text);
  if (!walker.value()) {
    return std::nullopt;
  }
  return walker.at();
}

std::optional<std::vector<KeyPart>> read_key(std::string_view text) {
  std::vector<KeyPart> parts;
  TomlWalker walker(text);
  if (!walker.key(parts) || !walker.done()) {
    return std::nullopt;
  }
  return parts;
}

}  // namespace pingap::config
