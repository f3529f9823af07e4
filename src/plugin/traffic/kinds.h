// Types of this folder.
#pragma once

#include "plugin/kind.h"

namespace pingap::plugin {

extern const Kind kFault;
extern const Kind kRateLimit;
extern const Kind kRequestSizeLimit;

}  // namespace pingap::plugin
