// A token (RFC 7519) in compact form (RFC 7515 7.1), taken apart and looked at. Worker.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "plugin/auth/jwt_algorithm.h"
#include "plugin/auth/jwt_cache.h"
#include "plugin/auth/jwt_json.h"

namespace pingap::plugin {

inline constexpr size_t kMaxToken = 16 * 1024;  // bytes

// Views are in the token or in the arena.
struct JwtToken {
  const JwtAlgorithm* algorithm = nullptr;
  std::string_view key_id;
  bool has_key_id = false;
  std::string_view type;       // "typ"; may be empty
  std::string_view text;       // that is signed
  std::string_view payload;    // in base64url
  std::string_view signature;  // decoded
};

// Takes its head and signature apart. What is wrong; empty where nothing is. Nothing in it is to be
// trusted yet.
std::string_view parse_jwt(std::string_view text, Arena& arena, JwtToken& out) noexcept;

// The claims of a token whose signature is good.
std::optional<JsonObject> read_claims(const JwtToken& token, Arena& arena) noexcept;

struct JwtRules {
  double leeway = 30;  // seconds that clocks may differ
  bool require_exp = true;
  std::vector<std::string> issuers;    // empty = any
  std::vector<std::string> audiences;  // one of them; empty = any
  std::vector<std::string> required;   // claims that are to be there
  std::string type;                    // "typ"; empty = any
};

// What is wrong with them at `now` (seconds since 1970); empty where nothing is.
std::string_view check_claims(const JwtToken& token, const JsonObject& claims,
                              const JwtRules& rules, double now) noexcept;

// When claims pass that check_claims() has let through once: nothing else of it depends on the
// time.
JwtTime time_of(const JsonObject& claims, const JwtRules& rules) noexcept;

}  // namespace pingap::plugin
