#include "plugin/headers.h"

#include <algorithm>

#include "base/strings.h"

namespace pingap::plugin {
namespace {

constexpr char fold(char c) noexcept {
  return c == '_' ? '-' : to_lower(c);
}

bool is_control(char c) noexcept {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

// What a claim or a user's name brings may hold anything (security.md JW-13).
std::string_view safe(std::string_view value, Arena& arena) noexcept {
  if (std::ranges::none_of(value, is_control)) {
    return value;
  }
  char* out = arena.make_array<char>(value.size());
  std::ranges::transform(value, out, [](char c) { return is_control(c) ? '?' : c; });
  return {out, value.size()};
}

}  // namespace

bool is_twin(std::string_view a, std::string_view b) noexcept {
  return std::ranges::equal(a, b, {}, fold, fold);
}

void remove_request_header(exchange::Exchange& x, std::string_view name) noexcept {
  for (http::Field& field : x.request.headers.fields()) {
    if (field.name_size == name.size() && is_twin(field.name(), name)) {
      field.remove();
    }
  }
}

void set_request_header(exchange::Exchange& x, std::string_view name,
                        std::string_view value) noexcept {
  remove_request_header(x, name);
  add_request_header(x, name, value);
}

void add_request_header(exchange::Exchange& x, std::string_view name,
                        std::string_view value) noexcept {
  http::HeaderMap& headers = x.request.headers;
  if (headers.add(name, safe(value, x.arena))) {
    headers.fields().back().flags |= http::Field::kOurs;
  }
}

void remove_digests(http::HeaderMap& headers) noexcept {
  for (const std::string_view name : {"content-md5", "digest", "content-digest", "repr-digest"}) {
    headers.remove(name);
  }
}

void become_other_bytes(http::ResponseHead& head, Arena& arena) noexcept {
  head.has_content_length = false;
  head.headers.remove(http::HeaderId::content_length);
  head.headers.remove(http::HeaderId::accept_ranges);
  remove_digests(head.headers);
  const http::Field* etag = head.headers.find(http::HeaderId::etag);
  if (etag != nullptr && !etag->value().starts_with("W/")) {
    head.headers.set(http::HeaderId::etag, arena.concat("W/", etag->value()));
  }
}

}  // namespace pingap::plugin
