#include "config/formatter.h"

#include <optional>
#include <string>
#include <vector>

#include "config/format_lines.h"
#include "config/toml_layout.h"
#include "config/value_tree.h"

namespace pingap::config {
namespace {

std::string without_mark_and_returns(std::string_view text) {
  text.remove_prefix(text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0);
  std::string out(text);
  // A return stands only in front of an end of line, and a string over lines has none of them.
  std::erase(out, '\r');
  return out;
}

// Writes a value piece by piece, as many lines as it has.
class ValueWriter {
 public:
  ValueWriter(std::string_view text, FormatLines& lines) : text_(text), lines_(lines) {}

  void write(Span value) {
    const std::vector<Piece> pieces = read_pieces(text_, value);
    for (const Piece& piece : pieces) {
      if (piece.kind == PieceKind::newline) {
        ++newlines_;
        continue;
      }
      if (newlines_ > 0) {
        break_line(piece);
      } else if (before_) {
        lines_.add(blanks_before(piece));
      }
      write_piece(piece);
      before_ = piece.kind;
    }
  }

 private:
  void write_piece(const Piece& piece) {
    const std::string_view written = piece.span.of(text_);
    if (piece.kind == PieceKind::comment) {
      lines_.comment(text_, piece.span);
      return;
    }
    write_text(written);
    if (piece.kind == PieceKind::open) {
      open_.push_back({written[0], level_});
    } else if (piece.kind == PieceKind::close && !open_.empty()) {
      open_.pop_back();
    }
  }

  // A key of an inline table may have blanks around its dots; a value that looks like one is one
  // part, and stays as it is.
  void write_text(std::string_view written) {
    const auto keys = read_key(written);
    for (size_t i = 0; keys && keys->size() > 1 && i < keys->size(); ++i) {
      lines_.add(i == 0 ? "" : ".");
      lines_.add((*keys)[i].span.of(written));
    }
    if (!keys || keys->size() == 1) {
      lines_.add(written);
    }
  }

  // Blank lines stay, one of several, but not at the brackets. A line is indented once more than
  // the one that its bracket was opened on.
  void break_line(const Piece& piece) {
    const bool close = piece.kind == PieceKind::close;
    if (newlines_ > 1 && before_ != PieceKind::open && !close) {
      lines_.end();
    }
    lines_.end();
    newlines_ = 0;
    level_ = open_.empty() ? 0 : open_.back().level + (close ? 0U : 1U);
    lines_.add(std::string(2 * level_, ' '));
  }

  std::string_view blanks_before(const Piece& piece) const noexcept {
    const bool braces = !open_.empty() && open_.back().bracket == '{';
    switch (piece.kind) {
      case PieceKind::comma:
        return "";
      case PieceKind::close:
        return braces && before_ != PieceKind::open ? " " : "";
      case PieceKind::comment:
      case PieceKind::newline:
        return "";  // where it stands is decided when all lines are there
      case PieceKind::open:
      case PieceKind::equals:
      case PieceKind::text:
        break;
    }
    return before_ == PieceKind::open && !braces ? "" : " ";
  }

  struct Open {
    char bracket;
    size_t level;  // of the line it is on
  };

  std::string_view text_;
  FormatLines& lines_;
  std::vector<Open> open_;
  size_t level_ = 0;
  size_t newlines_ = 0;
  std::optional<PieceKind> before_;  // none at the start
};

class Formatter {
 public:
  Formatter(std::string_view text, const std::vector<Row>& rows) : text_(text), rows_(rows) {}

  std::string run() {
    size_t before = 0;  // the row above that is not blank
    for (size_t i = 0; i < rows_.size(); ++i) {
      if (rows_[i].kind == RowKind::blank) {
        continue;
      }
      if (!lines_.empty() && wants_blank(before, i)) {
        lines_.end();
      }
      write(rows_[i]);
      before = i;
    }
    return lines_.render();
  }

 private:
  bool wants_blank(size_t before, size_t i) const noexcept {
    const bool entry = rows_[i].kind == RowKind::entry;
    if (before + 1 < i) {
      return !(is_header(rows_[before]) && entry);
    }
    return !entry && rows_[before].kind != RowKind::comment && opens_table(i);
  }

  // A header, or the comment directly above it.
  bool opens_table(size_t i) const noexcept {
    while (i < rows_.size() && rows_[i].kind == RowKind::comment) {
      ++i;
    }
    return i < rows_.size() && is_header(rows_[i]);
  }

  void write(const Row& row) {
    if (is_header(row)) {
      const bool array = row.kind == RowKind::array_table;
      lines_.add(array ? "[[" : "[");
      write_key(row.keys);
      lines_.add(array ? "]]" : "]");
    } else if (row.kind == RowKind::entry) {
      write_key(row.keys);
      lines_.add(" = ");
      ValueWriter(text_, lines_).write(row.value);
    }
    if (!row.comment.empty()) {
      lines_.comment(text_, row.comment);
    }
    lines_.end();
  }

  void write_key(const std::vector<KeyPart>& keys) {
    for (const KeyPart& part : keys) {
      lines_.add(&part == keys.data() ? "" : ".");
      lines_.add(part.span.of(text_));
    }
  }

  std::string_view text_;
  const std::vector<Row>& rows_;
  FormatLines lines_;
};

std::string without_blanks(std::string_view text) {
  std::string out(text);
  std::erase_if(out, [](char c) { return c == ' ' || c == '\t' || c == '\n'; });
  return out;
}

}  // namespace

Edited format_toml(std::string_view text) {
  const auto before = parse_for_edit(text, EditFault::broken_text);
  if (!before) {
    return tl::make_unexpected(before.error());
  }
  const std::string plain = without_mark_and_returns(text);
  const auto rows = read_rows(plain);
  std::string out = rows ? Formatter(plain, *rows).run() : std::string();
  const auto after = parse_for_edit(out, EditFault::unsafe);
  // Comments are no part of the tree: that nothing but blanks has changed says that they are there.
  if (!rows || !after || !same_values(*before, *after) ||
      without_blanks(plain) != without_blanks(out)) {
    return edit_error(EditFault::unsafe, "this text would say something else when formatted",
                      "it is left as it is; please report this");
  }
  return out;
}

}  // namespace pingap::config
