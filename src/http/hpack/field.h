// A field as HPACK decodes it: name and value, and what is known of them, so that nobody behind has
// to look at the text again. Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "http/header_id.h"

namespace pingap::http::hpack {

// The names that begin with a colon (RFC 9113 8.3); `unknown` is such a name that is none of them.
enum class Pseudo : uint8_t { none, authority, method, path, protocol, scheme, status, unknown };

struct Name {
  std::string_view text;
  HeaderId id = HeaderId::other;
  Pseudo pseudo = Pseudo::none;
  // Whether HTTP/2 allows it (RFC 9113 8.2.1): a token, and in lower case.
  bool well_formed = true;
};

// The views are valid until the next field.
struct DecodedField {
  Name name;
  std::string_view value;
  // The same of the value: no control bytes, no blank around it.
  bool well_formed = true;
  // It was sent as one that is in no table, nor may be (RFC 7541 6.2.3).
  bool never_indexed = false;
};

// Looks a name up.
Name identify(std::string_view name) noexcept;

}  // namespace pingap::http::hpack
