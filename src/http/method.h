// Request methods (RFC 9110 9). Unknown ones are forwarded by their text.
#pragma once

#include <cstdint>
#include <string_view>

namespace pingap::http {

enum class Method : uint8_t { get, head, post, put, del, options, patch, trace, connect, other };

Method parse_method(std::string_view text) noexcept;
// The text of a known method; empty for `other`.
std::string_view to_string(Method method) noexcept;

// RFC 9110 9.2.2.
constexpr bool is_idempotent(Method method) noexcept {
  return method == Method::get || method == Method::head || method == Method::put ||
         method == Method::del || method == Method::options || method == Method::trace;
}

}  // namespace pingap::http
