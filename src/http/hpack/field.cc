#include "http/hpack/field.h"

#include "http/hpack/field_rules.h"

namespace pingap::http::hpack {
namespace {

Pseudo pseudo_of(std::string_view name) noexcept {
  switch (name.size()) {
    case 5:
      return name == ":path" ? Pseudo::path : Pseudo::unknown;
    case 7:
      return name == ":method"   ? Pseudo::method
             : name == ":scheme" ? Pseudo::scheme
             : name == ":status" ? Pseudo::status
                                 : Pseudo::unknown;
    case 9:
      return name == ":protocol" ? Pseudo::protocol : Pseudo::unknown;
    case 10:
      return name == ":authority" ? Pseudo::authority : Pseudo::unknown;
    default:
      return Pseudo::unknown;
  }
}

}  // namespace

Name identify(std::string_view name) noexcept {
  if (name.starts_with(':')) {
    const Pseudo pseudo = pseudo_of(name);
    return {name, HeaderId::other, pseudo, pseudo != Pseudo::unknown};
  }
  return {name, find_header_id(name), Pseudo::none, is_field_name(name)};
}

}  // namespace pingap::http::hpack
