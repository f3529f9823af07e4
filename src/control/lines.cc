#include "control/lines.h"

#include <charconv>
#include <system_error>

namespace pingap::control {

std::string_view take_line(std::string_view& text) noexcept {
  const size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

std::string_view field_of(std::string_view lines, std::string_view start) noexcept {
  while (!lines.empty()) {
    const std::string_view line = take_line(lines);
    if (line.starts_with(start)) {
      return line.substr(start.size());
    }
  }
  return {};
}

std::optional<uint64_t> number_of(std::string_view text) noexcept {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  return whole ? std::optional(number) : std::nullopt;
}

}  // namespace pingap::control
