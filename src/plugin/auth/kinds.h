// Types of this folder.
#pragma once

#include "plugin/kind.h"

namespace pingap::plugin {

extern const Kind kApiKey;
extern const Kind kBasicAuth;
extern const Kind kCombinedAuth;
extern const Kind kForwardAuth;
extern const Kind kJwt;

}  // namespace pingap::plugin
