#include "http/accept.h"

#include <algorithm>

#include "base/strings.h"

namespace pingap::http {
namespace {

// The weight of a media range in thousandths (RFC 9110 12.4.2); 1000 where there is none.
unsigned quality(std::string_view parameters) noexcept {
  const size_t at = parameters.find("q=");
  if (at == std::string_view::npos) {
    return 1000;
  }
  unsigned value = 0;
  unsigned scale = 1000;
  for (const char c : parameters.substr(at + 2, 5)) {
    if (is_digit(c)) {
      value += static_cast<unsigned>(c - '0') * scale;
      scale /= 10;
    } else if (c != '.') {
      break;
    }
  }
  return std::min(value, 1000U);
}

}  // namespace

bool prefers_json(std::string_view accept) noexcept {
  unsigned best = 0;
  bool json = false;
  std::string_view item;
  while (next_list_item(accept, item)) {
    const std::string_view type = trim(item.substr(0, item.find(';')));
    const bool is_json = iequals(type, "application/json") || type.ends_with("+json");
    const bool is_html = iequals(type, "text/html") || iequals(type, "text/*") ||
                         iequals(type, "application/xhtml+xml");
    const unsigned weight = quality(item.substr(std::min(type.size(), item.size())));
    if ((is_json || is_html) && weight > best) {
      best = weight;
      json = is_json;
    }
  }
  return json;
}

}  // namespace pingap::http
