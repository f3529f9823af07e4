#include "route/conditions.h"

#include <algorithm>

#include <fmt/core.h>

#include "http/params.h"

namespace pingap::route {
namespace {

std::string describe(std::string_view kind, std::string_view name,
                     const std::optional<std::string>& value) {
  return value ? fmt::format("{} `{}` is not `{}`", kind, name, *value)
               : fmt::format("there is no {} `{}`", kind, name);
}

}  // namespace

Conditions::Conditions(const config::Location& location) : any_method_(location.methods.empty()) {
  for (const std::string& text : location.methods) {
    const http::Method method = http::parse_method(text);
    if (method == http::Method::other) {
      other_methods_.push_back(text);
    } else {
      methods_ |= uint32_t{1} << static_cast<uint32_t>(method);
    }
  }
  for (const config::FieldMatch& match : location.match_headers) {
    headers_.push_back({http::FieldName(match.name), match.value});
  }
  for (const config::FieldMatch& match : location.match_query) {
    arguments_.push_back({match.name, match.value});
  }
  for (const config::FieldMatch& match : location.match_cookies) {
    cookies_.push_back({match.name, match.value});
  }
}

size_t Conditions::size() const noexcept {
  return (any_method_ ? 0 : 1) + headers_.size() + arguments_.size() + cookies_.size();
}

bool Conditions::method_holds(const http::RequestHead& head) const noexcept {
  if (any_method_) {
    return true;
  }
  if (head.method != http::Method::other) {
    return (methods_ >> static_cast<uint32_t>(head.method) & 1) != 0;
  }
  return std::find(other_methods_.begin(), other_methods_.end(), head.method_text) !=
         other_methods_.end();
}

bool Conditions::header_holds(const HeaderMatch& match, const http::RequestHead& head) noexcept {
  const auto fields = head.headers.fields();
  return std::any_of(fields.begin(), fields.end(), [&](const http::Field& field) {
    return match.name.is_name_of(field) && (!match.value || field.value() == *match.value);
  });
}

bool Conditions::argument_holds(const Match& match, std::string_view query) noexcept {
  std::string_view value;
  return http::find_argument(query, match.name, value) &&
         (!match.value || http::equals_decoded(value, *match.value));
}

bool Conditions::cookie_holds(const Match& match, const http::RequestHead& head) noexcept {
  std::string_view value;
  return http::find_cookie(head.headers, match.name, value) &&
         (!match.value || value == *match.value);
}

bool Conditions::hold(const MatchInput& input) const noexcept {
  const http::RequestHead& head = *input.head;
  return method_holds(head) &&
         std::all_of(headers_.begin(), headers_.end(),
                     [&](const HeaderMatch& match) { return header_holds(match, head); }) &&
         std::all_of(arguments_.begin(), arguments_.end(),
                     [&](const Match& match) { return argument_holds(match, input.query); }) &&
         std::all_of(cookies_.begin(), cookies_.end(),
                     [&](const Match& match) { return cookie_holds(match, head); });
}

std::string Conditions::explain(const MatchInput& input) const {
  const http::RequestHead& head = *input.head;
  if (!method_holds(head)) {
    return fmt::format("method {} is not allowed", head.method_text);
  }
  for (const HeaderMatch& match : headers_) {
    if (!header_holds(match, head)) {
      return describe("header", match.name.text(), match.value);
    }
  }
  for (const Match& match : arguments_) {
    if (!argument_holds(match, input.query)) {
      return describe("query argument", match.name, match.value);
    }
  }
  for (const Match& match : cookies_) {
    if (!cookie_holds(match, head)) {
      return describe("cookie", match.name, match.value);
    }
  }
  return {};
}

}  // namespace pingap::route
