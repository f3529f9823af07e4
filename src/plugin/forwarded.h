// What of a client's request goes into a request of a plugin's own. Worker.
#pragma once

#include <string_view>
#include <vector>

#include "exchange/exchange.h"
#include "http/field_name.h"

namespace pingap::plugin {

// Whether the other request has the body too, or is about the head alone.
enum class Body : bool { no, yes };

// The fields that are meant for whoever is at the other end (RFC 9110 7.6.1): none of one
// connection, of forwarding, nor with an underscore in the name. Without the body also none about
// it, nor conditions and ranges. `only`: where it is not empty, no others. In the exchange's arena,
// with room for `spare` more.
http::HeaderMap end_to_end_fields(exchange::Exchange& x, Body body,
                                  const std::vector<http::FieldName>& only, size_t spare) noexcept;

// X-Forwarded-For, -Proto and -Host: the client, as far as trusted proxies have said.
void add_forwarded_fields(exchange::Exchange& x, http::HeaderMap& to) noexcept;

}  // namespace pingap::plugin
