// Types of this folder.
#pragma once

#include "plugin/kind.h"

namespace pingap::plugin {

extern const Kind kCompression;

}  // namespace pingap::plugin
