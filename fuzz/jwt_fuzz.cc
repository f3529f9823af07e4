// Any bytes as a token and as JSON of a token: what is accepted has one reading, and views of it
// are in what was given.
#include <cstddef>
#include <cstdint>

#include "input.h"
#include "plugin/auth/jwt_token.h"

namespace {

using namespace pingap;
using fuzz::require;

void check_object(const plugin::JsonObject& object) {
  for (size_t i = 0; i < object.members.size(); ++i) {
    const plugin::JsonMember& one = object.members[i];
    require(object.find(one.name) == &one, "a name is there once");
    require(one.name.find('\0') == std::string_view::npos, "a name has no NUL");
    require(one.text.find('\0') == std::string_view::npos, "a text has no NUL");
  }
}

void try_token(std::string_view text) {
  Arena arena;
  plugin::JwtToken token;
  if (!plugin::parse_jwt(text, arena, token).empty()) {
    return;
  }
  require(token.algorithm != nullptr, "a token has an algorithm");
  require(text.starts_with(token.text) && text[token.text.size()] == '.', "what is signed");
  require(token.text.ends_with(token.payload), "the payload is signed");
  if (const auto claims = plugin::read_claims(token, arena)) {
    check_object(*claims);
    plugin::check_claims(token, *claims, {}, 1'700'000'000);
  }
}

// JSON and its padding, in memory that ends behind that.
void try_json(std::string_view text) {
  const std::string padded = std::string(text) + std::string(plugin::kJsonPadding, ' ');
  const fuzz::Exact exact(padded);
  Arena arena;
  if (const auto object = plugin::read_json_object(exact.view().substr(0, text.size()), arena)) {
    check_object(*object);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) {
    return 0;
  }
  const fuzz::Exact rest({reinterpret_cast<const char*>(data + 1), size - 1});
  switch (data[0] % 3) {
    case 0:
      try_token(rest.view());
      break;
    case 1:
      try_json(rest.view());
      break;
    default:
      plugin::read_jwks(rest.view());
      break;
  }
  return 0;
}
