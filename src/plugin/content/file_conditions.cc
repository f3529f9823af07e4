#include "plugin/content/file_conditions.h"

#include <algorithm>

#include "base/strings.h"
#include "http/date.h"

namespace pingap::plugin {
namespace {

using http::HeaderId;

enum class Compare : bool { strong, weak };

std::string_view opaque(std::string_view tag) noexcept {
  return tag.starts_with("W/") ? tag.substr(2) : tag;
}

// Whether a list of entity tags has ours, in all fields of that name; `*` has all.
bool has_tag(const http::HeaderMap& asked, HeaderId id, std::string_view etag,
             Compare how) noexcept {
  for (const http::Field& field : asked.fields()) {
    std::string_view list = field.value();
    std::string_view item;
    while (field.id == id && !field.removed() && next_list_item(list, item)) {
      if (item == "*" || (how == Compare::weak ? opaque(item) == etag : item == etag)) {
        return true;
      }
    }
  }
  return false;
}

std::optional<int64_t> date_of(const http::HeaderMap& asked, HeaderId id) noexcept {
  const http::Field* field = asked.find(id);
  return field == nullptr ? std::nullopt : http::parse_date(field->value());
}

// The part is of what the client has (RFC 9110 13.1.5).
bool range_holds(const http::HeaderMap& asked, const Representation& of) noexcept {
  const http::Field* field = asked.find(HeaderId::if_range);
  if (field == nullptr) {
    return true;
  }
  if (field->value().find('"') != std::string_view::npos) {
    return field->value() == of.etag;
  }
  return http::parse_date(field->value()) == of.modified;
}

// "bytes=0-99", "bytes=100-", "bytes=-5"; nullopt: not to be looked at (RFC 9110 14.2).
std::optional<Part> parse_range(std::string_view text, uint64_t size) noexcept {
  constexpr std::string_view kUnit = "bytes=";
  if (text.size() < kUnit.size() || !iequals(text.substr(0, kUnit.size()), kUnit)) {
    return std::nullopt;
  }
  text = trim(text.substr(kUnit.size()));
  const size_t dash = text.find('-');
  if (dash == std::string_view::npos || text.find(',') != std::string_view::npos) {
    return std::nullopt;
  }
  const auto first = parse_decimal(text.substr(0, dash));
  const auto last = parse_decimal(text.substr(dash + 1));
  if (dash == 0) {
    if (!last) {
      return std::nullopt;
    }
    const uint64_t wanted = std::min(*last, size);
    return wanted == 0 ? Part{Outcome::cannot_be_satisfied, 0, 0}
                       : Part{Outcome::part, size - wanted, wanted};
  }
  if (!first || (!last && dash + 1 < text.size()) || (last && *last < *first)) {
    return std::nullopt;
  }
  if (*first >= size) {
    return Part{Outcome::cannot_be_satisfied, 0, 0};
  }
  const uint64_t end = last ? std::min(*last, size - 1) : size - 1;
  return Part{Outcome::part, *first, end - *first + 1};
}

}  // namespace

Part choose_part(const http::RequestHead& head, const Representation& of) noexcept {
  const http::HeaderMap& asked = head.headers;
  if (asked.find(HeaderId::if_match) != nullptr) {
    if (!has_tag(asked, HeaderId::if_match, of.etag, Compare::strong)) {
      return {Outcome::failed};
    }
  } else if (const auto since = date_of(asked, HeaderId::if_unmodified_since);
             since && of.modified > *since) {
    return {Outcome::failed};
  }
  if (asked.find(HeaderId::if_none_match) != nullptr) {
    if (has_tag(asked, HeaderId::if_none_match, of.etag, Compare::weak)) {
      return {Outcome::not_modified};
    }
  } else if (const auto since = date_of(asked, HeaderId::if_modified_since);
             since && of.modified <= *since) {
    return {Outcome::not_modified};
  }
  // Of other methods it says nothing (RFC 9110 14.2): HEAD tells of the whole.
  const http::Field* range =
      head.method == http::Method::get ? asked.find(HeaderId::range) : nullptr;
  if (range != nullptr && range_holds(asked, of)) {
    if (const auto part = parse_range(range->value(), of.size)) {
      return *part;
    }
  }
  return {Outcome::whole, 0, of.size};
}

}  // namespace pingap::plugin
