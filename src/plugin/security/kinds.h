// Types of this folder.
#pragma once

#include "plugin/kind.h"

namespace pingap::plugin {

extern const Kind kCors;
extern const Kind kCsrf;
extern const Kind kGeoRestriction;
extern const Kind kIpRestriction;
extern const Kind kRefererRestriction;
extern const Kind kUaRestriction;

}  // namespace pingap::plugin
