#include "config/value_tree.h"

#include <algorithm>
#include <utility>

namespace pingap::config {
namespace {

using Members = std::vector<const Member*>;

// Sorted, so that large tables are compared in n log n.
Members by_name(const Value& table) {
  Members members;
  members.reserve(table.members.size());
  for (const Member& member : table.members) {
    members.push_back(&member);
  }
  std::ranges::sort(members, {},
                    [](const Member* member) -> const std::string& { return member->key; });
  return members;
}

}  // namespace

const Member* find_member(const Value& table, std::string_view key) noexcept {
  const auto found = std::ranges::find(table.members, key, &Member::key);
  return found == table.members.end() ? nullptr : &*found;
}

Member* find_member(Value& table, std::string_view key) noexcept {
  return const_cast<Member*>(find_member(std::as_const(table), key));
}

const Value* find_value(const Value& root, ItemPathView path) noexcept {
  const Value* at = &root;
  for (const std::string& key : path) {
    const Member* member = find_member(*at, key);
    if (member == nullptr) {
      return nullptr;
    }
    at = &member->value;
  }
  return at;
}

Value* find_value(Value& root, ItemPathView path) noexcept {
  return const_cast<Value*>(find_value(std::as_const(root), path));
}

bool put_value(Value& root, ItemPathView path, Value value) {
  for (size_t i = 0; i < path.size(); ++i) {
    const Value* on_the_way = find_value(std::as_const(root), path.first(i));
    if (on_the_way != nullptr && on_the_way->kind != ValueKind::table) {
      return false;
    }
  }
  Value* at = &root;
  for (const std::string& key : path) {
    Member* member = find_member(*at, key);
    at = member != nullptr ? &member->value : &at->members.emplace_back(Member{key, {}, {}}).value;
  }
  *at = std::move(value);
  return true;
}

bool erase_value(Value& root, ItemPathView path) {
  if (path.empty()) {
    return false;
  }
  Value* parent = find_value(root, path.first(path.size() - 1));
  return parent != nullptr && std::erase_if(parent->members, [&](const Member& member) {
                                return member.key == path.back();
                              }) > 0;
}

// Recursion is bounded: check_limits() has passed for both.
bool same_values(const Value& a, const Value& b) {
  if (a.kind != b.kind || a.text != b.text || a.integer != b.integer ||
      !std::ranges::equal(a.items, b.items, same_values) || a.members.size() != b.members.size()) {
    return false;
  }
  return std::ranges::equal(by_name(a), by_name(b), [](const Member* left, const Member* right) {
    return left->key == right->key && same_values(left->value, right->value);
  });
}

}  // namespace pingap::config
