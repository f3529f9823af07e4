// A header name from the configuration, looked up once so that a request's fields are compared by
// id. Built on the control thread, then immutable.
#pragma once

#include <string>
#include <string_view>

#include "base/strings.h"
#include "http/header_map.h"

namespace pingap::http {

class FieldName {
 public:
  explicit FieldName(std::string_view name) : id_(find_header_id(name)), text_(name) {}

  bool is_name_of(const Field& field) const noexcept {
    return !field.removed() && field.id == id_ &&
           (id_ != HeaderId::other || iequals(field.name(), text_));
  }

  // The first field of this name; null when there is none.
  const Field* find(const HeaderMap& headers) const noexcept {
    for (const Field& field : headers.fields()) {
      if (is_name_of(field)) {
        return &field;
      }
    }
    return nullptr;
  }

  std::string_view text() const noexcept { return text_; }

 private:
  HeaderId id_;
  std::string text_;
};

}  // namespace pingap::http
