// Header fields from the configuration, with variables in their values. Built on the control
// thread, then immutable; any thread.
#pragma once

#include <string>
#include <vector>

#include "config/model.h"
#include "config/reader.h"
#include "config/syntax.h"
#include "exchange/variables.h"
#include "http/header_map.h"

namespace pingap::plugin {

struct NamedTemplate {
  std::string name;
  http::HeaderId id = http::HeaderId::other;
  exchange::Template value;
};

class FieldList {
 public:
  // Names that an operator may edit in that message; what is wrong goes to `reader`.
  static FieldList compile(const std::vector<config::FieldMatch>& from, config::EditOf message,
                           config::Reader& reader);

  bool empty() const noexcept { return fields_.empty(); }

  const std::vector<NamedTemplate>& all() const noexcept { return fields_; }

  // In the exchange's arena, with a little room.
  http::HeaderMap render(exchange::Exchange& x) const noexcept;

 private:
  std::vector<NamedTemplate> fields_;
};

// Adds it under its usual name where it has one.
void add_field(http::HeaderMap& to, const NamedTemplate& field, std::string_view value) noexcept;

}  // namespace pingap::plugin
