// Types of this folder.
#pragma once

#include "plugin/kind.h"

namespace pingap::plugin {

extern const Kind kFault;
extern const Kind kMirror;
extern const Kind kRateLimit;
extern const Kind kRequestSizeLimit;
extern const Kind kTrafficSplitting;

}  // namespace pingap::plugin
