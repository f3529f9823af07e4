// Types of this folder.
#pragma once

#include "plugin/kind.h"

namespace pingap::plugin {

extern const Kind kRedirect;
extern const Kind kRequestHeaders;
extern const Kind kResponseHeaders;
extern const Kind kRewrite;
extern const Kind kSubFilter;

}  // namespace pingap::plugin
