// Changes one item of a TOML text and keeps the rest byte for byte: comments, order, blank lines,
// the spelling of values. Each function parses its result again and compares it, as a tree, with
// what was to come out; where that differs it refuses. So there is the right text or an error,
// never a wrong text. Pure; any thread, best a background one: 10,000 locations
// (700 KiB) take 0.15 s.
//
// Paths are keys from the root: {"upstreams", "api", "addrs"}. They are found in whatever way the
// item is written: below a header, in dotted keys, in an inline table.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "config/edit_error.h"
#include "config/loader.h"
#include "config/toml_write.h"
#include "config/value_tree.h"

namespace pingap::config {

// Gives a key a value, which is TOML source: `"a"`, `[1, 2]`, toml_string(...). A comment behind
// the old value stays. A new key goes below the last one of its table; where there is no such
// table, [TABLE] is put behind the last one of its kind.
Edited set_value(std::string_view text, ItemPathView path, std::string_view value);

// Takes a key out, or a table with all below it. The comments in it, at the end of its line and
// directly above it go, too. Tables on the way that held nothing else may go.
Edited remove_item(std::string_view text, ItemPathView path);

// What put_table() makes of comments: `kept` are those of the text (the body comes from a form, and
// values that did not change keep their spelling), `replaced` are those of the body, which is taken
// as it is (somebody wrote it). A body that cannot be merged key by key, such as one with an array
// of tables, is taken as it is, too.
enum class Comments : uint8_t { kept, replaced };

// Makes `body` what the table at `path` holds; the table is there, or is added behind the last one
// of its kind. `body` is TOML source, whose own headers begin at the item: `[health]` in the body
// of upstreams.api is [upstreams.api.health].
Edited put_table(std::string_view text, ItemPathView path, std::string_view body,
                 Comments comments);

// Gives a table or a key another name, also in the headers of tables below it. The new name must
// be free. Who refers to the item by its name is for the caller to change.
Edited rename_item(std::string_view text, ItemPathView path, std::string_view name);

// The body of a table, as put_table() takes it. `conflict` where it is not written below a header.
Edited table_body(std::string_view text, ItemPathView path);

// Which of the texts of a configuration holds an item: the first that holds most of its path. For
// one that is new (`found` is false) it is where items of its category are, else the last text.
struct TextOfItem {
  size_t index = 0;
  bool found = false;
};

// `broken_text` with its name in the error, if one is not valid TOML; `not_found` without any text.
tl::expected<TextOfItem, EditError> find_text(std::span<const Text> texts, ItemPathView path);

}  // namespace pingap::config
