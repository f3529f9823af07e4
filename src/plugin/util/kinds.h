// Types of this folder.
#pragma once

#include "plugin/kind.h"

namespace pingap::plugin {

extern const Kind kAcceptEncoding;
extern const Kind kMetrics;
extern const Kind kMock;
extern const Kind kPing;
extern const Kind kRequestId;
extern const Kind kServerTiming;
extern const Kind kStats;

}  // namespace pingap::plugin
