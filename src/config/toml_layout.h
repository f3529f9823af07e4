// Where everything stands in a text that is valid TOML: rows, keys, values and comments as bytes of
// it. What the parser does not tell, and what an editor and a formatter need. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pingap::config {

// Bytes [begin, end) of a text.
struct Span {
  size_t begin = 0;
  size_t end = 0;

  size_t size() const noexcept { return end - begin; }

  bool empty() const noexcept { return begin == end; }

  std::string_view of(std::string_view text) const noexcept { return text.substr(begin, size()); }
};

// One part of a dotted key.
struct KeyPart {
  std::string name;  // without quotes and escapes
  Span span;         // as it is written
};

// KEY = VALUE, on a row of its own or in an inline table.
struct Entry {
  std::vector<KeyPart> keys;
  Span value;
};

// `table` is [a.b], `array_table` [[a.b]].
enum class RowKind : uint8_t { blank, comment, table, array_table, entry };

// A line, or the lines that a value goes over. The rows of a text follow one another without gaps.
struct Row {
  RowKind kind = RowKind::blank;
  Span span;                  // all of it, with the end of its line
  Span content;               // without indentation, comment and end; empty when blank
  Span comment;               // from its '#'; empty where there is none
  std::vector<KeyPart> keys;  // of a header or an entry
  Span value;                 // of an entry
};

inline bool is_header(const Row& row) noexcept {
  return row.kind == RowKind::table || row.kind == RowKind::array_table;
}

// The rows of a text that read_toml() accepts; of any other there may be none. A byte order mark
// belongs to no row.
std::optional<std::vector<Row>> read_rows(std::string_view text);

// What an inline table holds, `span` being from its brace to behind the other.
std::optional<std::vector<Entry>> read_inline_table(std::string_view text, Span span);

// A piece of a value between blanks: what a formatter puts blanks between.
enum class PieceKind : uint8_t { open, close, comma, equals, text, comment, newline };

struct Piece {
  PieceKind kind = PieceKind::text;
  Span span;
};

// The pieces of a value. Keys of inline tables are one piece each, the blanks around their dots
// included.
std::vector<Piece> read_pieces(std::string_view text, Span value);

// How far the one value goes that `text` begins with; nullopt if it begins with none. What it is
// made of is for the parser to check.
std::optional<size_t> value_end(std::string_view text);

// The parts of a dotted key such as `a."b c"`; nullopt if the text is more than that, or not one.
std::optional<std::vector<KeyPart>> read_key(std::string_view text);

inline constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace pingap::config
