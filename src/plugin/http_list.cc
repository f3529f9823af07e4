#include "plugin/http_list.h"

#include "base/strings.h"

namespace pingap::plugin {

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

namespace {

// "gzip ; q=0.5": the weight, 1000 without one.
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

bool is_coding(std::string_view name, std::string_view coding) noexcept {
  return iequals(name, coding) ||
         (name.size() > 2 && iequals(name.substr(0, 2), "x-") && iequals(name.substr(2), coding));
}

}  // namespace

int quality_of(const http::HeaderMap& headers, http::HeaderId field_id,
               std::string_view coding) noexcept {
  int any = 0;
  for (const http::Field& field : headers.fields()) {
    if (field.id != field_id || field.removed()) {
      continue;
    }
    std::string_view list = field.value();
    std::string_view item;
    while (next_list_item(list, item)) {
      const size_t semicolon = std::min(item.find(';'), item.size());
      const std::string_view name = trim(item.substr(0, semicolon));
      const std::string_view rest = item.substr(std::min(semicolon + 1, item.size()));
      if (is_coding(name, coding)) {
        return weight_of(rest);
      }
      if (name == "*") {
        any = weight_of(rest);
      }
    }
  }
  return any;
}

}  // namespace pingap::plugin
