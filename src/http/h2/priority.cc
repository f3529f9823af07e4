#include "http/h2/priority.h"

#include <algorithm>

#include "base/strings.h"

namespace pingap::http::h2 {
namespace {

constexpr bool is_key_byte(char c) noexcept {
  return (c >= 'a' && c <= 'z') || is_digit(c) || c == '_' || c == '-' || c == '.' || c == '*';
}

// `key` or `key=value`, both with parameters that mean nothing here. False where it is neither.
bool take_member(std::string_view member, Priority& priority) noexcept {
  const std::string_view body = member.substr(0, member.find(';'));
  const size_t equals = body.find('=');
  const std::string_view key = body.substr(0, equals);
  if (key.empty() || is_digit(key.front()) || !std::ranges::all_of(key, is_key_byte)) {
    return false;
  }
  const bool bare = equals == std::string_view::npos;
  const std::string_view value = bare ? std::string_view() : body.substr(equals + 1);
  if (!bare && value.empty()) {
    return false;
  }
  if (key == "u" && value.size() == 1 && value[0] >= '0' && value[0] < '0' + kUrgencies) {
    priority.urgency = static_cast<uint8_t>(value[0] - '0');
  } else if (key == "i" && (bare || value == "?1" || value == "?0")) {
    priority.incremental = bare || value == "?1";
  }
  return true;
}

}  // namespace

Priority parse_priority(std::string_view text) noexcept {
  Priority priority;
  std::string_view rest = trim(text);
  std::string_view member;
  while (!rest.empty() && next_list_item(rest, member)) {
    if (!take_member(member, priority)) {
      return {};
    }
  }
  return priority;
}

}  // namespace pingap::http::h2
