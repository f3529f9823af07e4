// The types of plugins that are compiled in. Any thread.
#pragma once

#include <span>
#include <string_view>

#include "plugin/kind.h"

namespace pingap::plugin {

// All there are, by name.
std::span<const Kind* const> kinds() noexcept;
// By type or alias; null if there is none.
const Kind* find_kind(std::string_view type) noexcept;

// A plugin that can be used without being declared; with the defaults of its type.
struct Predefined {
  std::string_view name;
  std::string_view type;
};

std::span<const Predefined> predefined() noexcept;

}  // namespace pingap::plugin
