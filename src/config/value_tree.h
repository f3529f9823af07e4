// Finding one's way in a tree of values, and comparing two of them. Control thread.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "config/value.h"

namespace pingap::config {

// The keys from the root to an item: {"upstreams", "api", "addrs"}.
using ItemPath = std::vector<std::string>;
using ItemPathView = std::span<const std::string>;

// The member of a table; null if there is none, or `table` is none.
Member* find_member(Value& table, std::string_view key) noexcept;
const Member* find_member(const Value& table, std::string_view key) noexcept;

// What is at `path`; null if nothing is. The empty path is the root itself.
Value* find_value(Value& root, ItemPathView path) noexcept;
const Value* find_value(const Value& root, ItemPathView path) noexcept;

// Puts `value` at `path`, making the tables on the way. False, and nothing done, where something on
// the way is no table.
bool put_value(Value& root, ItemPathView path, Value value);

// False if there is nothing at `path`.
bool erase_value(Value& root, ItemPathView path);

// Whether both say the same: places, and the order of keys in a table, are no part of that.
bool same_values(const Value& a, const Value& b);

}  // namespace pingap::config
