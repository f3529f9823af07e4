// Taking items out of a document, and giving them other names.
#include <algorithm>

#include <fmt/format.h>

#include "config/toml_document.h"
#include "config/toml_write.h"

namespace pingap::config {
namespace {

tl::unexpected<EditError> not_found(ItemPathView path) {
  return edit_error(EditFault::not_found, fmt::format("there is no `{}`", toml_path(path)));
}

}  // namespace

Step TomlDocument::remove(ItemPathView path) {
  if (Step fine = check_arrays(path, true); !fine) {
    return fine;
  }
  std::vector<bool> gone(rows_.size());
  for (const Table& table : tables_) {
    if (begins_with(table.path, path)) {
      mark_rows(gone, comment_above(table.header), extent(table));
    }
  }
  Step done;
  bool is_inline = false;
  each_entry(path, [&](const Table& table, size_t row, Relation relation) {
    if (relation == Relation::above) {
      is_inline = true;
      done = remove_inline(rows_[row].value, path, table.path.size() + rows_[row].keys.size());
      return true;
    }
    mark_rows(gone, comment_above(row), row + 1);
    return false;
  });
  if (is_inline) {
    return done;
  }
  if (std::ranges::find(gone, true) == gone.end()) {
    return not_found(path);
  }
  erase(gone);
  return {};
}

// `depth` keys of the path lead to the value at `span`.
Step TomlDocument::remove_inline(Span span, ItemPathView path, size_t depth) {
  const ItemPathView rest = path.subspan(depth);
  const auto entries = read_inline_table(text_, span);
  if (!entries) {
    return not_found(path);
  }
  // From the back, so that what is in front stays where it is.
  bool found = false;
  size_t left = entries->size();
  size_t behind = span.end - 1;  // where the next one that stays begins
  for (size_t i = entries->size(); i > 0; --i) {
    const Entry& entry = (*entries)[i - 1];
    const size_t begin = entry.keys[0].span.begin;
    const Relation relation = relate({}, entry.keys, rest);
    if (relation == Relation::above) {
      return remove_inline(entry.value, path, depth + entry.keys.size());
    }
    if (relation == Relation::apart) {
      behind = begin;
      continue;
    }
    found = true;
    --left;
    const bool last = behind == span.end - 1;
    // The last one takes the comma in front of it along, others the one behind them.
    const Span cut = !last   ? Span{begin, behind}
                     : i > 1 ? Span{(*entries)[i - 2].value.end, entry.value.end}
                             : Span{begin, entry.value.end};
    text_.erase(cut.begin, cut.size());
    span.end -= cut.size();
    behind = last ? span.end - 1 : begin;
  }
  if (!found) {
    return not_found(path);
  }
  splice(left == 0 ? span : Span{}, left == 0 ? "{}" : "");
  return {};
}

Step TomlDocument::rename(ItemPathView path, std::string_view name) {
  if (Step fine = check_arrays(path, true); !fine) {
    return fine;
  }
  const std::string key = toml_key(name);
  const size_t part = path.size() - 1;
  Changes changes;
  for (const Table& table : tables_) {
    if (begins_with(table.path, path)) {
      changes.emplace_back(rows_[table.header].keys[part].span, key);
    }
  }
  each_entry(path, [&](const Table& table, size_t row, Relation relation) {
    const Row& entry = rows_[row];
    const size_t own = table.path.size();
    if (relation == Relation::above) {
      rename_inline(entry.value, path.subspan(own + entry.keys.size()), key, changes);
    } else if (own <= part) {
      changes.emplace_back(entry.keys[part - own].span, key);
    }
    return false;
  });
  if (changes.empty()) {
    return not_found(path);
  }
  std::ranges::sort(changes, {}, [](const auto& change) { return change.first.begin; });
  for (size_t i = changes.size(); i > 0; --i) {
    const Span span = changes[i - 1].first;
    text_.replace(span.begin, span.size(), changes[i - 1].second);
  }
  splice({}, {});
  return {};
}

void TomlDocument::rename_inline(Span span, ItemPathView rest, std::string_view key,
                                 Changes& changes) const {
  const auto entries = read_inline_table(text_, span);
  for (size_t i = 0; entries && i < entries->size(); ++i) {
    const Entry& entry = (*entries)[i];
    const Relation relation = relate({}, entry.keys, rest);
    if (relation == Relation::above) {
      rename_inline(entry.value, rest.subspan(entry.keys.size()), key, changes);
    } else if (relation != Relation::apart) {
      changes.emplace_back(entry.keys[rest.size() - 1].span, key);
    }
  }
}

}  // namespace pingap::config
