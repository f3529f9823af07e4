// What code of others may change of an exchange: all that it hands over is looked at here, whoever
// wrote it. A refusal is a static text that says what is wrong; null = it is done. What is stored
// is copied to the exchange's arena. Worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "exchange/exchange.h"
#include "plugin/plugin.h"

namespace pingap::plugin {

using Refusal = const char*;

// How much one plugin may add to one exchange: its memory lasts as long as the request.
struct Allowance {
  static constexpr size_t kFields = 128;
  static constexpr size_t kBytes = 64 * 1024;

  size_t fields = kFields;
  size_t bytes = kBytes;
};

enum class Edit : uint8_t { set, add };

// A field for the backend. Of `set` a missing one is no mistake.
Refusal edit_request_field(exchange::Exchange& x, Allowance& left, Edit edit, std::string_view name,
                           std::string_view value) noexcept;
Refusal drop_request_field(exchange::Exchange& x, std::string_view name) noexcept;

// A field for the client. `to` has room to grow.
Refusal edit_response_field(http::HeaderMap& to, Arena& arena, Allowance& left, Edit edit,
                            std::string_view name, std::string_view value) noexcept;
Refusal drop_response_field(http::HeaderMap& from, std::string_view name) noexcept;

// The path that is routed by and forwarded, from then on; the query stays.
Refusal set_path(exchange::Exchange& x, Allowance& left, std::string_view path) noexcept;
// Without its `?`; empty: there is none.
Refusal set_query(exchange::Exchange& x, Allowance& left, std::string_view query) noexcept;

// Of an answer of the plugin's, with so many bytes of body: 200 to 599, and none where the status
// has none.
Refusal check_answer(int64_t status, size_t body) noexcept;
// Of the backend's answer. A status that has no body cannot take the place of one that has.
Refusal set_status(http::ResponseHead& head, int64_t status) noexcept;

// Which reason the log has for an answer with an error page.
ErrorCode reason_for(uint16_t status) noexcept;

}  // namespace pingap::plugin
