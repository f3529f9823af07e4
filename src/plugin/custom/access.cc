#include "plugin/custom/access.h"

#include "base/strings.h"
#include "config/syntax.h"
#include "http/status.h"
#include "http/uri.h"
#include "plugin/headers.h"

namespace pingap::plugin {
namespace {

constexpr Refusal kTooMuch =
    "it has set more than 128 fields or 64 KiB of one request; is there a loop?";

Refusal check_name(std::string_view name, config::EditOf message) noexcept {
  if (name.size() > UINT8_MAX || config::check_header_name(name)) {
    return "that is no name of a header field: letters, digits and !#$%&'*+-.^_`|~, at most 255";
  }
  if (config::check_header_edit(name, message)) {
    return "the proxy writes that header field itself: it says where messages end";
  }
  if (message == config::EditOf::request && iequals(name, "host")) {
    return "Host cannot be changed here; use proxy_set_headers of the location";
  }
  return nullptr;
}

Refusal check_field(std::string_view name, std::string_view value,
                    config::EditOf message) noexcept {
  if (const Refusal why = check_name(name, message)) {
    return why;
  }
  if (config::check_header_value(value)) {
    return "that is no value of a header field: no line breaks or other control characters, at "
           "most 8 KiB";
  }
  return nullptr;
}

bool charge(Allowance& left, size_t fields, size_t bytes) noexcept {
  if (left.fields < fields || left.bytes < bytes) {
    return false;
  }
  left.fields -= fields;
  left.bytes -= bytes;
  return true;
}

// The target that was made is a canonical one, or nothing has changed.
Refusal retarget(exchange::Exchange& x, std::string_view target) noexcept {
  const auto canonical = http::canonicalize(target, {}, x.arena);
  if (!canonical) {
    return "that is no path or query that can be sent: it starts with `/`, bad bytes are written "
           "%XX, and no `..` leads out";
  }
  x.uri = *canonical;
  return nullptr;
}

Refusal check_status(int64_t status) noexcept {
  return status >= 200 && status <= 599 ? nullptr : "a status is a number from 200 to 599";
}

bool has_body(uint16_t status) noexcept {
  return status >= 200 && status != 204 && status != 205 && status != 304;
}

}  // namespace

Refusal edit_request_field(exchange::Exchange& x, Allowance& left, Edit edit, std::string_view name,
                           std::string_view value) noexcept {
  if (const Refusal why = check_field(name, value, config::EditOf::request)) {
    return why;
  }
  if (!charge(left, 1, name.size() + value.size())) {
    return kTooMuch;
  }
  const std::string_view kept = x.arena.copy(name);
  if (edit == Edit::set) {
    set_request_header(x, kept, x.arena.copy(trim(value)));
  } else {
    add_request_header(x, kept, x.arena.copy(trim(value)));
  }
  return nullptr;
}

Refusal drop_request_field(exchange::Exchange& x, std::string_view name) noexcept {
  if (const Refusal why = check_name(name, config::EditOf::request)) {
    return why;
  }
  remove_request_header(x, name);
  return nullptr;
}

Refusal edit_response_field(http::HeaderMap& to, Arena& arena, Allowance& left, Edit edit,
                            std::string_view name, std::string_view value) noexcept {
  if (const Refusal why = check_field(name, value, config::EditOf::response)) {
    return why;
  }
  if (!charge(left, 1, name.size() + value.size())) {
    return kTooMuch;
  }
  const http::HeaderId id = http::find_header_id(name);
  const std::string_view kept = arena.copy(trim(value));
  if (edit == Edit::set && id == http::HeaderId::other) {
    to.remove(name);
  } else if (edit == Edit::set) {
    to.remove(id);
  }
  const bool added =
      id == http::HeaderId::other ? to.add(arena.copy(name), kept) : to.add(id, kept);
  return added ? nullptr : "there is no room for more header fields";
}

Refusal drop_response_field(http::HeaderMap& from, std::string_view name) noexcept {
  if (const Refusal why = check_name(name, config::EditOf::response)) {
    return why;
  }
  from.remove(name);
  return nullptr;
}

Refusal set_path(exchange::Exchange& x, Allowance& left, std::string_view path) noexcept {
  if (x.request.asterisk) {
    return "the target of this request is `*`: it has no path";
  }
  if (!path.starts_with('/') || path.find('?') != std::string_view::npos) {
    return "a path starts with `/` and has no `?`; the query is set by itself";
  }
  if (!charge(left, 0, path.size() + x.uri.query.size() + 1)) {
    return kTooMuch;
  }
  return retarget(x, x.uri.has_query ? x.arena.concat(path, "?", x.uri.query) : x.arena.copy(path));
}

Refusal set_query(exchange::Exchange& x, Allowance& left, std::string_view query) noexcept {
  if (x.request.asterisk) {
    return "the target of this request is `*`: it has no query";
  }
  if (!charge(left, 0, x.uri.path.size() + query.size() + 1)) {
    return kTooMuch;
  }
  return retarget(x, query.empty() ? x.uri.path : x.arena.concat(x.uri.path, "?", query));
}

Refusal check_answer(int64_t status, size_t body) noexcept {
  if (const Refusal why = check_status(status)) {
    return why;
  }
  return body == 0 || has_body(static_cast<uint16_t>(status))
             ? nullptr
             : "an answer of 204, 205 or 304 has no body";
}

Refusal set_status(http::ResponseHead& head, int64_t status) noexcept {
  if (const Refusal why = check_status(status)) {
    return why;
  }
  const auto made = static_cast<uint16_t>(status);
  if (made == head.status) {
    return nullptr;
  }
  if (!has_body(made) || !has_body(head.status)) {
    return "an answer that has no body (1xx, 204, 205, 304) cannot become one that has, nor the "
           "other way round";
  }
  head.status = made;
  head.reason = http::reason_phrase(made);
  return nullptr;
}

ErrorCode reason_for(uint16_t status) noexcept {
  switch (status) {
    case 401:
      return ErrorCode::unauthorized;
    case 429:
      return ErrorCode::rate_limited;
    default:
      return status >= 500 ? ErrorCode::plugin_failed : ErrorCode::forbidden;
  }
}

}  // namespace pingap::plugin
