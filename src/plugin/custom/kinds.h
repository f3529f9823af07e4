// Types of this folder: logic that an operator brings.
#pragma once

#include "plugin/kind.h"

namespace pingap::plugin {

extern const Kind kDynamic;
extern const Kind kLua;

}  // namespace pingap::plugin
