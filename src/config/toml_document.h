// A TOML text that is changed by cutting pieces out and putting pieces in, with the rest kept byte
// for byte. Nothing here looks at the result: editor.h does, and is what to use. Control thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/edit_error.h"
#include "config/toml_layout.h"
#include "config/value_tree.h"

namespace pingap::config {

using Step = tl::expected<void, EditError>;

// How an entry stands to a path: at it, below it, or as a value on the way to it.
enum class Relation : uint8_t { apart, same, below, above };

// `table` and `keys` together against `path`.
Relation relate(ItemPathView table, const std::vector<KeyPart>& keys, ItemPathView path) noexcept;

bool begins_with(ItemPathView path, ItemPathView start) noexcept;

class TomlDocument {
 public:
  // `text` is one that read_toml() accepts; nullopt where its rows cannot be told.
  static std::optional<TomlDocument> read(std::string text);

  const std::string& text() const noexcept { return text_; }

  // The value that is written at `path`; nullopt if there is none, or it is a table over rows.
  std::optional<std::string> value_text(ItemPathView path) const;

  // A key that is new goes below the last one of its table; a table that is new behind the last one
  // of its kind. `value` is one value.
  Step set(ItemPathView path, std::string_view value);

  // An item with all below it, the comments in and directly above it.
  Step remove(ItemPathView path);

  // `name` stands for the last key of `path` from now on.
  Step rename(ItemPathView path, std::string_view name);

  // [PATH] and below it `body`, rows whose headers begin at the item.
  void add_table(ItemPathView path, const TomlDocument& body);

  // The same in the place of what is there: [PATH] and the comment above it stay. False if there
  // is no [PATH].
  bool replace_table(ItemPathView path, const TomlDocument& body);

  // What is below [PATH], as a text of its own; nullopt if there is no [PATH] or not all of it is
  // there.
  std::optional<std::string> body_of(ItemPathView path) const;

 private:
  static constexpr size_t kNone = SIZE_MAX;

  // A header with its entries; the first one is the root, which has none.
  struct Table {
    ItemPath path;
    size_t header = kNone;  // a row
    size_t begin = 0;       // the rows below the header
    size_t end = 0;
    bool in_array = false;  // [[a]], or below one
  };

  using Changes = std::vector<std::pair<Span, std::string>>;

  static void mark_rows(std::vector<bool>& rows, size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      rows[i] = true;
    }
  }

  bool scan();
  void splice(Span span, std::string_view replacement);
  void erase(const std::vector<bool>& rows);

  const Table* find_table(ItemPathView path) const;

  // Calls visit(table, row, relation) for each entry that has to do with `path`, until it is true.
  template <class Visit>
  bool each_entry(ItemPathView path, Visit visit) const {
    for (const Table& table : tables_) {
      for (size_t i = table.begin; i < table.end && !table.in_array; ++i) {
        if (rows_[i].kind != RowKind::entry) {
          continue;
        }
        const Relation relation = relate(table.path, rows_[i].keys, path);
        if (relation != Relation::apart && visit(table, i, relation)) {
          return true;
        }
      }
    }
    return false;
  }

  std::optional<Entry> inline_entry(Span span, ItemPathView rest) const;
  bool is_spread(ItemPathView path) const;
  Step check_arrays(ItemPathView path, bool whole) const;

  size_t comment_above(size_t row) const noexcept;
  size_t extent(const Table& table) const noexcept;
  size_t last_entry(const Table& table) const noexcept;
  std::string_view indentation(size_t row) const noexcept;
  void append_rows(std::string& out, size_t begin, size_t end) const;
  std::string own_newlines(std::string_view text) const;

  Step set_inline(Span span, ItemPathView path, size_t depth, std::string_view value);
  void insert(ItemPathView path, std::string_view value);
  bool insert_at(ItemPathView path, size_t depth, std::string_view value);
  bool insert_dotted(ItemPathView path, size_t depth, std::string_view value);
  void insert_entry(const Table& table, ItemPathView keys, std::string_view value);
  void insert_root_entry(std::string_view line);
  void insert_behind(size_t row, std::string_view line);
  void insert_table(ItemPathView path, std::string_view lines);
  void insert_super_table(ItemPathView path, std::string_view lines, size_t header);

  Step remove_inline(Span span, ItemPathView path, size_t depth);
  void rename_inline(Span span, ItemPathView rest, std::string_view key, Changes& changes) const;
  std::string lines_below(ItemPathView path) const;

  std::string text_;
  std::vector<Row> rows_;
  std::vector<Table> tables_;
  std::string_view newline_ = "\n";  // the one that the text uses
};

}  // namespace pingap::config
