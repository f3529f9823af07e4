// Texts of lines, as commands, revisions and what is passed on in an upgrade are. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace pingap::control {

// The first line without its end; takes it away from `text`.
std::string_view take_line(std::string_view& text) noexcept;

// What follows `start` on the first line that begins with it; empty where there is none.
std::string_view field_of(std::string_view lines, std::string_view start) noexcept;

// Of digits only.
std::optional<uint64_t> number_of(std::string_view text) noexcept;

}  // namespace pingap::control
