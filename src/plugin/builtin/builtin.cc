#include "plugin/builtin/builtin.h"

#include <algorithm>
#include <array>

#include "plugin/auth/kinds.h"
#include "plugin/content/kinds.h"
#include "plugin/custom/kinds.h"
#include "plugin/security/kinds.h"
#include "plugin/traffic/kinds.h"
#include "plugin/transform/kinds.h"
#include "plugin/util/kinds.h"

namespace pingap::plugin {
namespace {

const std::array kKinds = {
    &kAcceptEncoding,
    &kApiKey,
    &kBasicAuth,
    &kCombinedAuth,
    &kCompression,
    &kCors,
    &kCsrf,
    &kDirectory,
    &kDynamic,
    &kErrorPages,
    &kFault,
    &kForwardAuth,
    &kGeoRestriction,
    &kIpRestriction,
    &kJwt,
    &kLua,
    &kMetrics,
    &kMirror,
    &kMock,
    &kPing,
    &kRateLimit,
    &kRedirect,
    &kRefererRestriction,
    &kRequestHeaders,
    &kRequestId,
    &kRequestSizeLimit,
    &kResponseHeaders,
    &kRewrite,
    &kServerTiming,
    &kStats,
    &kSubFilter,
    &kTrafficSplitting,
    &kUaRestriction,
};

// The original's names, and each type that needs no options by its own.
constexpr std::array kPredefined = {
    Predefined{"pingap:acceptEncodingAdjustment", "accept_encoding"},
    Predefined{"pingap:compression", "compression"},
    Predefined{"pingap:compressionUpstream", "compression"},
    Predefined{"pingap:ping", "ping"},
    Predefined{"pingap:requestId", "request_id"},
    Predefined{"pingap:stats", "stats"},
    Predefined{"accept_encoding", "accept_encoding"},
    Predefined{"compression", "compression"},
    Predefined{"cors", "cors"},
    Predefined{"metrics", "metrics"},
    Predefined{"ping", "ping"},
    Predefined{"request_id", "request_id"},
    Predefined{"server_timing", "server_timing"},
    Predefined{"stats", "stats"},
};

}  // namespace

std::span<const Kind* const> kinds() noexcept {
  return kKinds;
}

const Kind* find_kind(std::string_view type) noexcept {
  const auto found = std::ranges::find_if(kKinds, [&](const Kind* one) {
    return one->type == type || (!one->alias.empty() && one->alias == type);
  });
  return found == kKinds.end() ? nullptr : *found;
}

std::span<const Predefined> predefined() noexcept {
  return kPredefined;
}

}  // namespace pingap::plugin
