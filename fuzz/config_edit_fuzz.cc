// Any bytes as a TOML text that is formatted and edited. What is no TOML is refused; what is one
// keeps saying what it says, but for the one change, and nothing that can be changed comes out
// wrong.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/editor.h"
#include "config/formatter.h"
#include "input.h"

namespace {

using namespace pingap::config;  // NOLINT(google-build-using-namespace)
using pingap::fuzz::Input;
using pingap::fuzz::require;

std::optional<Value> tree_of(std::string_view text) {
  Diagnostics diagnostics;
  Value tree = read_toml(text, 0, diagnostics);
  return diagnostics.has_errors() ? std::nullopt : std::optional(std::move(tree));
}

// A path of the tree, chosen by the input.
ItemPath choose_path(const Value& tree, Input& input) {
  ItemPath path;
  const Value* at = &tree;
  while (!at->members.empty() && (path.empty() || input.choose(3) > 0)) {
    const Member& member = at->members[input.choose(at->members.size())];
    path.push_back(member.key);
    at = &member.value;
  }
  return path;
}

void check_format(std::string_view text, const Value& tree) {
  const Edited once = format_toml(text);
  require(once.has_value(), "what is valid can be formatted");
  require(same_values(*tree_of(*once), tree), "a formatted text says the same");
  const Edited twice = format_toml(*once);
  require(twice.has_value() && *twice == *once, "formatting twice is formatting once");
}

// Only what is seen before may be refused.
bool honest(const Edited& edited) {
  require(edited || edited.error().fault == EditFault::conflict, "no edit comes out wrong");
  return edited.has_value();
}

void check_set(std::string_view text, const Value& tree, const ItemPath& path) {
  const Edited edited = set_value(text, path, "[ 'new' ]");
  if (honest(edited)) {
    Value wanted = tree;
    require(put_value(wanted, path, tree_of("v = [ 'new' ]")->members[0].value), "a way there");
    require(same_values(*tree_of(*edited), wanted), "one value is set");
  }
}

void check_edits(std::string_view text, const Value& tree, Input& input) {
  ItemPath path = choose_path(tree, input);
  if (path.empty()) {
    return;
  }
  check_set(text, tree, path);
  const Edited removed = remove_item(text, path);
  if (honest(removed)) {
    const auto after = tree_of(*removed);
    require(find_value(*after, path) == nullptr, "what was removed is gone");
  }
  const Edited renamed = rename_item(text, path, "new name");
  if (honest(renamed)) {
    ItemPath there = path;
    there.back() = "new name";
    const auto after = tree_of(*renamed);
    require(find_value(*after, there) != nullptr, "what was renamed has its new name");
  }
  const Edited body = table_body(text, path);
  if (find_value(tree, path)->kind == ValueKind::table && honest(body)) {
    const Edited put = put_table(text, path, *body, Comments::kept);
    require(put && *put == text, "a table put where it was changes nothing");
    require(put_table(text, path, *body, Comments::replaced).has_value(), "a body can be put back");
  }
  path.back() += "2";
  check_set(text, tree, path);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  const pingap::fuzz::Exact text(input.bytes());
  const auto tree = tree_of(text.view());
  if (!tree) {
    require(format_toml(text.view()).error().fault == EditFault::broken_text, "it is not valid");
    return 0;
  }
  check_format(text.view(), *tree);
  check_edits(text.view(), *tree, input);
  return 0;
}
