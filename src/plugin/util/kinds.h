// Types of this folder.
#pragma once

#include "plugin/kind.h"

namespace pingap::plugin {

extern const Kind kAcceptEncoding;
extern const Kind kMock;
extern const Kind kPing;
extern const Kind kRequestId;

}  // namespace pingap::plugin
