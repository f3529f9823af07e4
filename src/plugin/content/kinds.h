// Types of this folder.
#pragma once

#include "plugin/kind.h"

namespace pingap::plugin {

extern const Kind kCompression;
extern const Kind kDirectory;
extern const Kind kErrorPages;

}  // namespace pingap::plugin
