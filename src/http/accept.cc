#include "http/accept.h"

#include <algorithm>

#include "base/strings.h"

namespace pingap::http {

int parse_weight(std::string_view text) noexcept {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1') ||
      (text.size() > 1 && text[1] != '.')) {
    return -1;
  }
  int weight = (text[0] - '0') * 1000;
  int unit = 100;
  for (size_t i = 2; i < text.size(); ++i, unit /= 10) {
    if (!is_digit(text[i])) {
      return -1;
    }
    weight += (text[i] - '0') * unit;
  }
  return weight > 1000 ? -1 : weight;
}

int weight_of(std::string_view parameters) noexcept {
  while (!parameters.empty()) {
    const size_t end = std::min(parameters.find(';'), parameters.size());
    const std::string_view one = trim(parameters.substr(0, end));
    if (one.size() > 2 && to_lower(one[0]) == 'q' && one[1] == '=') {
      const int weight = parse_weight(one.substr(2));
      return weight < 0 ? 0 : weight;
    }
    parameters.remove_prefix(std::min(end + 1, parameters.size()));
  }
  return 1000;
}

std::optional<int> weight_in(std::string_view list, std::string_view name) noexcept {
  std::optional<int> best;
  std::string_view item;
  while (next_list_item(list, item)) {
    const size_t end = std::min(item.find(';'), item.size());
    if (iequals(trim(item.substr(0, end)), name)) {
      best = std::max(best.value_or(0), weight_of(item.substr(end)));
    }
  }
  return best;
}

bool prefers_json(std::string_view accept) noexcept {
  int best = 0;
  bool json = false;
  std::string_view item;
  while (next_list_item(accept, item)) {
    const size_t end = std::min(item.find(';'), item.size());
    const std::string_view type = trim(item.substr(0, end));
    const bool is_json = iequals(type, "application/json") || type.ends_with("+json");
    const bool is_html = iequals(type, "text/html") || iequals(type, "text/*") ||
                         iequals(type, "application/xhtml+xml");
    const int weight = weight_of(item.substr(end));
    if ((is_json || is_html) && weight > best) {
      best = weight;
      json = is_json;
    }
  }
  return json;
}

}  // namespace pingap::http
