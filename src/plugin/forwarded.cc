#include "plugin/forwarded.h"

#include <algorithm>

#include "base/strings.h"
#include "plugin/headers.h"

namespace pingap::plugin {
namespace {

using http::Field;
using http::HeaderId;
using http::HeaderMap;

// Whether Connection lists the field (RFC 9110 7.6.1).
bool is_listed(const HeaderMap& headers, const Field& wanted) noexcept {
  for (const Field& field : headers.fields()) {
    if (field.id != HeaderId::connection) {
      continue;
    }
    std::string_view list = field.value();
    std::string_view item;
    while (next_list_item(list, item)) {
      if (iequals(item, wanted.name())) {
        return true;
      }
    }
  }
  return false;
}

// Of a message with its body, or of an answer that depends on what the client has.
bool is_about_the_body(const Field& field) noexcept {
  switch (field.id) {
    case HeaderId::content_disposition:
    case HeaderId::content_encoding:
    case HeaderId::content_language:
    case HeaderId::content_location:
    case HeaderId::content_range:
    case HeaderId::content_type:
    case HeaderId::if_match:
    case HeaderId::if_modified_since:
    case HeaderId::if_none_match:
    case HeaderId::if_range:
    case HeaderId::if_unmodified_since:
    case HeaderId::range:
    case HeaderId::sec_websocket_extensions:
    case HeaderId::sec_websocket_key:
    case HeaderId::sec_websocket_protocol:
    case HeaderId::sec_websocket_version:
      return true;
    default:
      return false;
  }
}

// Said by whoever asks the other server, and by nobody else.
bool is_ours_to_say(const Field& field) noexcept {
  constexpr std::string_view kNames[] = {"x-forwarded-method", "x-forwarded-uri",
                                         "x-original-method", "x-original-uri", "x-original-url"};
  return field.id == HeaderId::other && std::ranges::any_of(kNames, [&](std::string_view name) {
           return is_twin(field.name(), name);
         });
}

bool goes_on(const HeaderMap& headers, const Field& field, bool connection_names) noexcept {
  constexpr uint8_t kNever = http::kHopByHop | http::kForwarding | http::kFromHead;
  if (field.removed() || (http::header_policy(field.id) & kNever) != 0 ||
      field.id == HeaderId::expect || is_ours_to_say(field)) {
    return false;
  }
  if ((field.flags & Field::kOurs) != 0) {
    return true;
  }
  const bool odd = field.id == HeaderId::other && field.name().find('_') != std::string_view::npos;
  const bool listed = connection_names && (http::header_policy(field.id) & http::kConnSafe) == 0 &&
                      is_listed(headers, field);
  return !odd && !listed;
}

}  // namespace

HeaderMap end_to_end_fields(exchange::Exchange& x, Body body,
                            const std::vector<http::FieldName>& only, size_t spare) noexcept {
  const HeaderMap& in = x.request.headers;
  HeaderMap made = HeaderMap::copy({}, x.arena, in.size() + spare);
  for (const Field& field : in.fields()) {
    const bool wanted = only.empty() || std::ranges::any_of(only, [&](const http::FieldName& name) {
                          return name.is_name_of(field);
                        });
    if (wanted && goes_on(in, field, x.request.connection_names_fields) &&
        (body == Body::yes || !is_about_the_body(field))) {
      made.add(field);
    }
  }
  return made;
}

void add_forwarded_fields(exchange::Exchange& x, HeaderMap& to) noexcept {
  // A client behind the peer is known only where the peer is trusted.
  const bool trusted = x.client_ip != x.peer_ip;
  const auto kept_or = [&](HeaderId id, std::string_view own) {
    const std::string_view sent = trusted ? x.request.headers.get(id) : std::string_view{};
    if (!sent.empty() || !own.empty()) {
      to.add(id, sent.empty() ? own : sent);
    }
  };
  if (!x.client_text.empty()) {
    to.add(HeaderId::x_forwarded_for, x.client_text);
  }
  to.add(HeaderId::x_forwarded_proto, x.scheme);
  kept_or(HeaderId::x_forwarded_host, x.request.authority);
}

}  // namespace pingap::plugin
