#include "proxy/upgrade.h"

#include "base/strings.h"
#include "http/websocket.h"

namespace pingap::proxy {
namespace {

using http::HeaderId;

// An element of a list without its parameters.
std::string_view name_of(std::string_view item) noexcept {
  return trim(item.substr(0, item.find(';')));
}

bool offered(const http::HeaderMap& asked, HeaderId id, std::string_view name) noexcept {
  for (const http::Field& field : asked.fields()) {
    std::string_view list = field.id == id ? field.value() : std::string_view{};
    std::string_view item;
    while (next_list_item(list, item)) {
      if (iequals(name, name_of(item))) {
        return true;
      }
    }
  }
  return false;
}

// The name of each element that the response has in its list `id` stands in the request's, too.
bool all_offered(const http::HeaderMap& asked, HeaderId id,
                 const http::HeaderMap& chosen) noexcept {
  for (const http::Field& field : chosen.fields()) {
    std::string_view list = field.id == id ? field.value() : std::string_view{};
    std::string_view item;
    while (next_list_item(list, item)) {
      const std::string_view name = name_of(item);
      if (!name.empty() && !offered(asked, id, name)) {
        return false;
      }
    }
  }
  return true;
}

}  // namespace

bool accepts_upgrade(const http::HeaderMap& asked, const http::HeaderMap& chosen) noexcept {
  return http::websocket_accepts(asked.get(HeaderId::sec_websocket_key),
                                 chosen.get(HeaderId::sec_websocket_accept)) &&
         all_offered(asked, HeaderId::sec_websocket_protocol, chosen) &&
         all_offered(asked, HeaderId::sec_websocket_extensions, chosen);
}

}  // namespace pingap::proxy
