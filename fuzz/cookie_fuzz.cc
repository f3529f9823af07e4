// Any bytes as Cookie fields and as a query, asked for any name: what is found is a part of what
// was given, and the same as a reading that takes the field apart in the plainest way.
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/arena.h"
#include "base/strings.h"
#include "http/params.h"
#include "input.h"

namespace {

using namespace pingap;
using fuzz::require;

// RFC 6265 4.2.1; names and values as they stand.
std::optional<std::string_view> plainly(std::string_view field, std::string_view name) {
  size_t start = 0;
  while (start <= field.size()) {
    const size_t end = std::min(field.find(';', start), field.size());
    const std::string_view pair = trim(field.substr(start, end - start));
    const size_t equals = pair.find('=');
    if (equals != std::string_view::npos && pair.substr(0, equals) == name) {
      return pair.substr(equals + 1);
    }
    start = end + 1;
  }
  return std::nullopt;
}

bool is_part(std::string_view part, std::string_view whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void try_cookies(std::string_view name, std::string_view first, std::string_view second) {
  Arena arena;
  http::HeaderMap headers = http::HeaderMap::copy({}, arena, 2);
  headers.add("cookie", first);
  headers.add("cookie", second);
  std::string_view value;
  const bool found = http::find_cookie(headers, name, value);
  if (found) {
    require(is_part(value, first) || is_part(value, second), "a value is of its field");
    require(value.find(';') == std::string_view::npos, "a value ends before the next pair");
  }
  auto expected = plainly(first, name);
  expected = expected ? expected : plainly(second, name);
  require(found == expected.has_value(), "a cookie is there or not");
  require(!found || value == *expected, "the first of a name is taken");
}

void try_query(std::string_view name, std::string_view query) {
  std::string_view value;
  if (http::find_argument(query, name, value)) {
    require(is_part(value, query), "a value is of its query");
    require(value.find('&') == std::string_view::npos, "a value ends before the next argument");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const fuzz::Input input(data, size);
  std::string_view rest = input.bytes();
  const auto next = [&rest] {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const fuzz::Exact line(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return std::string(line.view());
  };
  const std::string name = next();
  const fuzz::Exact first(next());
  const fuzz::Exact second(rest);
  try_query(name, second.view());
  // The name of a cookie is a token: it is in a configuration.
  if (!name.empty() && name.find_first_of(";= \t") == std::string::npos) {
    try_cookies(name, first.view(), second.view());
  }
  return 0;
}
