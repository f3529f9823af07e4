#include "http/params.h"

#include <algorithm>

#include "base/strings.h"

namespace pingap::http {
namespace {

// Takes what is before `separator` off `list`.
std::string_view take_until(std::string_view& list, char separator) noexcept {
  const size_t end = std::min(list.find(separator), list.size());
  const std::string_view item = list.substr(0, end);
  list.remove_prefix(std::min(end + 1, list.size()));
  return item;
}

bool find_in_cookie(std::string_view line, std::string_view name,
                    std::string_view& value) noexcept {
  while (!line.empty()) {
    const std::string_view pair = trim(take_until(line, ';'));
    if (pair.size() > name.size() && pair[name.size()] == '=' && pair.starts_with(name)) {
      value = pair.substr(name.size() + 1);
      return true;
    }
  }
  return false;
}

}  // namespace

char take_decoded(std::string_view& text) noexcept {
  char c = text[0];
  size_t taken = 1;
  if (c == '%' && text.size() > 2) {
    const int high = hex_value(text[1]);
    const int low = hex_value(text[2]);
    if (high >= 0 && low >= 0) {
      c = static_cast<char>(high << 4 | low);
      taken = 3;
    }
  } else if (c == '+') {
    c = ' ';
  }
  text.remove_prefix(taken);
  return c;
}

bool equals_decoded(std::string_view encoded, std::string_view plain) noexcept {
  for (const char c : plain) {
    if (encoded.empty() || take_decoded(encoded) != c) {
      return false;
    }
  }
  return encoded.empty();
}

bool find_argument(std::string_view query, std::string_view name,
                   std::string_view& value) noexcept {
  while (!query.empty()) {
    std::string_view argument = take_until(query, '&');
    const std::string_view key = take_until(argument, '=');
    if (equals_decoded(key, name)) {
      value = argument;
      return true;
    }
  }
  return false;
}

bool find_cookie(const HeaderMap& headers, std::string_view name,
                 std::string_view& value) noexcept {
  for (const Field& field : headers.fields()) {
    if (field.id == HeaderId::cookie && !field.removed() &&
        find_in_cookie(field.value(), name, value)) {
      return true;
    }
  }
  return false;
}

}  // namespace pingap::http
