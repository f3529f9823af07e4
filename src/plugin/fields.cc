#include "plugin/fields.h"

#include "config/suggest.h"

namespace pingap::plugin {

FieldList FieldList::compile(const std::vector<config::FieldMatch>& from, config::EditOf message,
                             config::Reader& reader) {
  FieldList made;
  for (const config::FieldMatch& field : from) {
    if (!field.value) {
      reader.error(field.at,
                   {config::quote(field.name) + " is not a header", R"("Name: value")", {}});
      continue;
    }
    if (!reader.check(field.at, config::check_header_name(field.name)) ||
        !reader.check(field.at, config::check_header_value(*field.value)) ||
        !reader.check(field.at, config::check_header_edit(field.name, message))) {
      continue;
    }
    auto value = exchange::Template::compile(*field.value);
    if (!value) {
      reader.error(field.at, {std::move(value.error()), {}, {}});
      continue;
    }
    made.fields_.push_back({field.name, http::find_header_id(field.name), std::move(*value)});
  }
  return made;
}

http::HeaderMap FieldList::render(exchange::Exchange& x) const noexcept {
  http::HeaderMap map = http::HeaderMap::copy({}, x.arena, fields_.size() + 4);
  for (const NamedTemplate& field : fields_) {
    add_field(map, field, field.value.render(x));
  }
  return map;
}

void add_field(http::HeaderMap& to, const NamedTemplate& field, std::string_view value) noexcept {
  if (field.id == http::HeaderId::other) {
    to.add(field.name, value);
  } else {
    to.add(field.id, value);
  }
}

}  // namespace pingap::plugin
