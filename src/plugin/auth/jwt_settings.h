// The options of jwt, and what the plugin is made of. Control thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "plugin/auth/credentials.h"
#include "plugin/auth/jwt_keys.h"
#include "plugin/auth/jwt_token.h"

namespace pingap::plugin {

struct ClaimHeader {
  std::string name;
  std::string claim;
};

struct JwtParts {
  Place place;
  std::shared_ptr<JwtKeySource> keys;
  std::vector<const JwtAlgorithm*> algorithms;
  JwtRules rules;
  std::vector<ClaimHeader> claim_headers;
  FieldList fields;
  std::string realm;
  Duration delay;
  bool hide;
  uint32_t cache;  // tokens that each worker remembers
  uint32_t workers;
};

void describe_jwt(std::vector<OptionInfo>& to);

// nullopt where something is wrong, which is said. `before` (may be null) is what the plugin has
// that is replaced: keys that have been fetched stay.
std::optional<JwtParts> read_jwt_settings(const Making& making,
                                          std::shared_ptr<JwtKeySource> before);

}  // namespace pingap::plugin
