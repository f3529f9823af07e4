#include "proxy/upgrade.h"

#include "base/strings.h"
#include "http/status.h"
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

bool ask_upgrade(exchange::Exchange& x) noexcept {
  http::RequestHead& out = x.upstream_request;
  out.websocket = true;
  out.framing = http::Framing::tunnel;
  out.headers.add(HeaderId::upgrade, "websocket");
  if (x.request.version != http::Version::http2) {
    return true;
  }
  out.headers.remove(HeaderId::sec_websocket_key);
  const auto key = http::make_websocket_key();
  if (!key) {
    return false;
  }
  out.headers.add(HeaderId::sec_websocket_key, x.arena.copy({key->data(), key->size()}));
  return true;
}

void ask_connect(exchange::Exchange& x) noexcept {
  http::RequestHead& out = x.upstream_request;
  out.websocket = true;
  out.framing = http::Framing::tunnel;
  out.headers.remove(HeaderId::sec_websocket_key);  // RFC 8441 5
}

bool fits_upgrade(const exchange::Exchange& x, const http::ResponseHead& head) noexcept {
  if (head.framing != http::Framing::tunnel) {
    // To the client of an extended CONNECT every 2xx is a tunnel (RFC 9110 9.3.6).
    return x.request.version != http::Version::http2 || !x.request.websocket ||
           head.status / 100 != 2;
  }
  const http::HeaderMap& asked = x.request.headers;
  const bool accepted =
      head.version == http::Version::http2 ||
      http::websocket_accepts(x.upstream_request.headers.get(HeaderId::sec_websocket_key),
                              head.headers.get(HeaderId::sec_websocket_accept));
  return accepted && all_offered(asked, HeaderId::sec_websocket_protocol, head.headers) &&
         all_offered(asked, HeaderId::sec_websocket_extensions, head.headers);
}

bool open_tunnel(exchange::Exchange& x) noexcept {
  http::ResponseHead& out = x.response;
  const bool from_h2 = out.version == http::Version::http2;
  if (x.request.version == http::Version::http2) {
    out.status = 200;
    out.headers.remove(HeaderId::sec_websocket_accept);
    return true;
  }
  out.headers.add(HeaderId::upgrade, "websocket");
  if (!from_h2) {
    return true;
  }
  const auto accept =
      http::websocket_accept_for(x.request.headers.get(HeaderId::sec_websocket_key));
  if (!accept) {
    return false;
  }
  out.status = 101;
  out.reason = http::reason_phrase(101);
  out.headers.set(HeaderId::sec_websocket_accept, x.arena.copy({accept->data(), accept->size()}));
  return true;
}

}  // namespace pingap::proxy
