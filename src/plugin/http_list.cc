#include "plugin/http_list.h"

#include <algorithm>

#include "base/strings.h"
#include "http/accept.h"

namespace pingap::plugin {

namespace {

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
        return http::weight_of(rest);
      }
      if (name == "*") {
        any = http::weight_of(rest);
      }
    }
  }
  return any;
}

}  // namespace pingap::plugin
