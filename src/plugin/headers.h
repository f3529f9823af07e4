// Changing the fields of a request so that the backend can trust them, and those of an answer whose
// body becomes another. Worker.
#pragma once

#include <string_view>

#include "exchange/exchange.h"

namespace pingap::plugin {

// Whether both are one name for a backend that turns dashes into underscores (CGI and its kin).
bool is_twin(std::string_view a, std::string_view b) noexcept;

// Removes every field of that name and its twins with underscores from what the client has sent.
void remove_request_header(exchange::Exchange& x, std::string_view name) noexcept;

// The same, and puts one there that no Connection of the client's can take away. `name` outlives
// the exchange, `value` too or is in its arena. Bytes that no field may have are replaced.
void set_request_header(exchange::Exchange& x, std::string_view name,
                        std::string_view value) noexcept;

// As above, in addition to fields of that name.
void add_request_header(exchange::Exchange& x, std::string_view name,
                        std::string_view value) noexcept;

// Digests of a body that goes to nobody any more (RFC 9530; RFC 3230 and 1864 before it).
void remove_digests(http::HeaderMap& headers) noexcept;

// The body becomes other bytes that mean the same: what told of the bytes, their length, parts and
// digests, goes, and a strong tag becomes a weak one (RFC 9110 8.8.1, 14.3).
void become_other_bytes(http::ResponseHead& head, Arena& arena) noexcept;

}  // namespace pingap::plugin
