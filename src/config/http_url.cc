#include "config/http_url.h"

#include <algorithm>
#include <utility>

namespace pingap::config {

HttpUrl split_http_url(std::string_view text) noexcept {
  HttpUrl parts;
  for (const auto& [scheme, tls] :
       {std::pair{std::string_view("http://"), false}, {std::string_view("https://"), true}}) {
    if (text.starts_with(scheme)) {
      parts.tls = tls;
      parts.scheme = true;
      text.remove_prefix(scheme.size());
      break;
    }
  }
  const size_t slash = text.find('/');
  parts.address = text.substr(0, slash);
  parts.path = slash == std::string_view::npos ? std::string_view{} : text.substr(slash);
  return parts;
}

bool has_port(std::string_view address) noexcept {
  const size_t colon = address.rfind(':');
  return colon != std::string_view::npos && address.find(']', colon) == std::string_view::npos;
}

bool is_url_path(std::string_view path) noexcept {
  return std::ranges::all_of(path, [](char c) { return c > ' ' && c < 0x7f && c != '#'; });
}

}  // namespace pingap::config
