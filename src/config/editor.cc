#include "config/editor.h"

#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/suggest.h"
#include "config/toml_document.h"

namespace pingap::config {
namespace {

// A text as its tree and as its rows.
struct Opened {
  Value tree;
  TomlDocument document;
};

tl::unexpected<EditError> unsafe(std::string_view why) {
  return edit_error(EditFault::unsafe,
                    fmt::format("this cannot be changed without changing something else ({})", why),
                    "edit the text");
}

tl::expected<Opened, EditError> open(std::string_view text, EditFault fault) {
  auto tree = parse_for_edit(text, fault);
  if (!tree) {
    return tl::make_unexpected(std::move(tree.error()));
  }
  auto document = TomlDocument::read(std::string(text));
  if (!document) {
    return edit_error(fault, "it cannot be told where the rows of this text are");
  }
  return Opened{std::move(*tree), std::move(*document)};
}

// Whether a text says what it should; `path` is where tables that became empty may be gone.
Edited checked(const TomlDocument& document, Value wanted, ItemPathView path) {
  const auto got = parse_for_edit(document.text(), EditFault::unsafe);
  if (!got) {
    return unsafe(got.error().what);
  }
  while (!same_values(*got, wanted)) {
    const Value* rest = path.empty() ? nullptr : find_value(std::as_const(wanted), path);
    if (path.empty() ||
        (rest != nullptr && (rest->kind != ValueKind::table || !rest->members.empty()))) {
      return unsafe("the result would say something else");
    }
    erase_value(wanted, path);
    path = path.first(path.size() - 1);
  }
  return document.text();
}

tl::expected<Value, EditError> parse_value(std::string_view value) {
  auto tree = parse_for_edit(fmt::format("value = {}\n", value), EditFault::bad_input);
  if (!tree) {
    return tl::make_unexpected(std::move(tree.error()));
  }
  if (value_end(value) != value.size() || tree->members.size() != 1) {
    return edit_error(EditFault::bad_input, fmt::format("not one TOML value: {}", quote(value)));
  }
  return std::move(tree->members.front().value);
}

tl::unexpected<EditError> no_path() {
  return edit_error(EditFault::bad_input, "the path of the item is empty");
}

// Makes a table of a document say what a body says, key by key.
class Merger {
 public:
  Merger(TomlDocument& document, const TomlDocument& body) : document_(document), body_(body) {}

  Step merge(const Value& old, const Value& wanted, const ItemPath& path, const ItemPath& inside) {
    for (const Member& member : wanted.members) {
      const Member* before = find_member(old, member.key);
      if (before != nullptr && same_values(before->value, member.value)) {
        continue;
      }
      if (Step done = put(before, member, path, inside); !done) {
        return done;
      }
    }
    for (const Member& member : old.members) {
      if (find_member(wanted, member.key) == nullptr) {
        if (Step done = document_.remove(below(path, member.key)); !done) {
          return done;
        }
      }
    }
    return {};
  }

 private:
  static ItemPath below(ItemPath path, const std::string& key) {
    path.push_back(key);
    return path;
  }

  Step put(const Member* before, const Member& member, const ItemPath& path,
           const ItemPath& inside) {
    const ItemPath at = below(path, member.key);
    const ItemPath from = below(inside, member.key);
    const bool was_table = before != nullptr && before->value.kind == ValueKind::table;
    if (member.value.kind == ValueKind::table && was_table) {
      return merge(before->value, member.value, at, from);
    }
    const auto value = body_.value_text(from);
    // A table by rows takes the place of a value, or the other way round.
    if (before != nullptr && (!value || was_table)) {
      if (Step done = document_.remove(at); !done) {
        return done;
      }
    }
    if (value) {
      return document_.set(at, *value);
    }
    if (member.value.kind != ValueKind::table) {
      return unsafe("an array of tables");
    }
    if (member.value.members.empty()) {
      document_.add_table(at, *TomlDocument::read({}));
    }
    return merge({}, member.value, at, from);
  }

  TomlDocument& document_;
  const TomlDocument& body_;
};

Edited merge_table(Opened parsed, const Opened& body, const Value& wanted, ItemPathView path) {
  const Value* old = find_value(std::as_const(parsed.tree), path);
  if (old == nullptr || old->kind != ValueKind::table) {
    return unsafe("there is no such table");
  }
  Merger merger(parsed.document, body.document);
  if (Step done = merger.merge(*old, body.tree, ItemPath(path.begin(), path.end()), {}); !done) {
    return tl::make_unexpected(done.error());
  }
  return checked(parsed.document, wanted, {});
}

Edited replace_table(Opened parsed, const Opened& body, const Value& wanted, ItemPathView path) {
  TomlDocument& document = parsed.document;
  if (!document.replace_table(path, body.document)) {
    if (find_value(std::as_const(parsed.tree), path) != nullptr) {
      if (Step done = document.remove(path); !done) {
        return tl::make_unexpected(done.error());
      }
    }
    document.add_table(path, body.document);
  }
  return checked(document, wanted, {});
}

}  // namespace

Edited set_value(std::string_view text, ItemPathView path, std::string_view value) {
  if (path.empty()) {
    return no_path();
  }
  value = trim(value);
  auto parsed = open(text, EditFault::broken_text);
  if (!parsed) {
    return tl::make_unexpected(std::move(parsed.error()));
  }
  auto wanted = parse_value(value);
  if (!wanted) {
    return tl::make_unexpected(std::move(wanted.error()));
  }
  if (Step done = parsed->document.set(path, value); !done) {
    return tl::make_unexpected(std::move(done.error()));
  }
  if (!put_value(parsed->tree, path, std::move(*wanted))) {
    return unsafe("something on the way is not a table");
  }
  return checked(parsed->document, std::move(parsed->tree), {});
}

Edited remove_item(std::string_view text, ItemPathView path) {
  if (path.empty()) {
    return no_path();
  }
  auto parsed = open(text, EditFault::broken_text);
  if (!parsed) {
    return tl::make_unexpected(std::move(parsed.error()));
  }
  if (Step done = parsed->document.remove(path); !done) {
    return tl::make_unexpected(std::move(done.error()));
  }
  erase_value(parsed->tree, path);
  return checked(parsed->document, std::move(parsed->tree), path.first(path.size() - 1));
}

Edited put_table(std::string_view text, ItemPathView path, std::string_view body,
                 Comments comments) {
  if (path.empty()) {
    return no_path();
  }
  auto parsed = open(text, EditFault::broken_text);
  if (!parsed) {
    return tl::make_unexpected(std::move(parsed.error()));
  }
  const auto parsed_body = open(body, EditFault::bad_input);
  if (!parsed_body) {
    return tl::make_unexpected(parsed_body.error());
  }
  Value wanted = parsed->tree;
  if (!put_value(wanted, path, parsed_body->tree)) {
    return edit_error(EditFault::conflict, "something on the way to the item is not a table");
  }
  if (comments == Comments::kept) {
    if (Edited merged = merge_table(*parsed, *parsed_body, wanted, path); merged) {
      return merged;
    }
  }
  return replace_table(std::move(*parsed), *parsed_body, wanted, path);
}

Edited rename_item(std::string_view text, ItemPathView path, std::string_view name) {
  if (path.empty()) {
    return no_path();
  }
  auto parsed = open(text, EditFault::broken_text);
  if (!parsed) {
    return tl::make_unexpected(std::move(parsed.error()));
  }
  if (path.back() == name) {
    return std::string(text);
  }
  Value* parent = find_value(parsed->tree, path.first(path.size() - 1));
  if (parent != nullptr && find_member(*parent, name) != nullptr) {
    return edit_error(EditFault::conflict, fmt::format("there is a {} already", quote(name)),
                      "take another name");
  }
  if (Step done = parsed->document.rename(path, name); !done) {
    return tl::make_unexpected(std::move(done.error()));
  }
  if (Member* member = parent == nullptr ? nullptr : find_member(*parent, path.back())) {
    member->key = name;
  }
  return checked(parsed->document, std::move(parsed->tree), {});
}

Edited table_body(std::string_view text, ItemPathView path) {
  const auto parsed = open(text, EditFault::broken_text);
  if (!parsed) {
    return tl::make_unexpected(parsed.error());
  }
  const Value* item = find_value(parsed->tree, path);
  if (item == nullptr) {
    return edit_error(EditFault::not_found, fmt::format("there is no `{}`", toml_path(path)));
  }
  auto body = parsed->document.body_of(path);
  const auto tree = parse_for_edit(body ? *body : "", EditFault::unsafe);
  if (!body || !tree || !same_values(*tree, *item)) {
    return edit_error(EditFault::conflict,
                      fmt::format("`{}` is not written below a header", toml_path(path)),
                      fmt::format("write it as [{}]", toml_path(path)));
  }
  return std::move(*body);
}

tl::expected<TextOfItem, EditError> find_text(std::span<const Text> texts, ItemPathView path) {
  if (texts.empty()) {
    return edit_error(EditFault::not_found, "there is no text to look in");
  }
  // Without any of its path the last text is as good as another.
  TextOfItem best{texts.size() - 1, false};
  size_t most = 0;
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto tree = parse_for_edit(texts[i].text, EditFault::broken_text);
    if (!tree) {
      EditError error = tree.error();
      error.what = fmt::format("{}: {}", texts[i].name, error.what);
      return tl::make_unexpected(std::move(error));
    }
    size_t depth = path.size();
    while (depth > 0 && find_value(*tree, path.first(depth)) == nullptr) {
      --depth;
    }
    if (depth > most) {
      most = depth;
      best = {i, depth == path.size()};
    }
  }
  return best;
}

}  // namespace pingap::config
