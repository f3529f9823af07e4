#include "upstream/discovery/refresh.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace pingap::upstream {
namespace {

using std::chrono::seconds;

// An answer is not asked for more often than this, whatever its time says, nor kept for longer.
constexpr Duration kShortest = seconds(1);
constexpr Duration kLongest = seconds(300);
// After a failure: doubled each time.
constexpr Duration kFirstRetry = seconds(1);
constexpr Duration kLastRetry = seconds(30);
constexpr unsigned kBelieved = 3;

}  // namespace

Refresh::Refresh(std::string upstream, std::string what, Duration longest)
    : upstream_(std::move(upstream)),
      what_(std::move(what)),
      longest_(longest == Duration::zero() ? kLongest : std::clamp(longest, kShortest, kLongest)) {
}

Duration Refresh::soon() noexcept {
  const Duration wait = std::min(kFirstRetry * (1 << std::min(misses_, 8U)), kLastRetry);
  ++misses_;
  return std::min(wait, longest_);
}

Duration Refresh::found(Duration ttl, size_t servers, std::string_view why) {
  gone_ = 0;
  if (!why.empty()) {
    if (state_ != State::troubled) {
      PINGAP_LOG(warn, "upstream {}: {} is known in part: {}; the rest of the last answer is used",
                 upstream_, what_, why);
    }
    state_ = State::troubled;
    servers_ = servers;
    return soon();
  }
  if (state_ != State::well || servers_ != servers) {
    PINGAP_LOG(info, "upstream {}: {} has {} server{}", upstream_, what_, servers,
               servers == 1 ? "" : "s");
  }
  state_ = State::well;
  servers_ = servers;
  misses_ = 0;
  return std::clamp(ttl, kShortest, longest_);
}

Duration Refresh::failed(std::string_view why) {
  if (state_ == State::well) {
    PINGAP_LOG(warn, "upstream {}: {} does not resolve: {}; the last answer is used", upstream_,
               what_, why);
    state_ = State::troubled;
  } else if (state_ == State::unknown) {
    PINGAP_LOG(warn, "upstream {}: {} does not resolve: {}", upstream_, what_, why);
    state_ = State::empty;
  }
  return soon();
}

Duration Refresh::gone(std::string_view why) {
  ++gone_;
  if (state_ == State::troubled && gone_ >= kBelieved) {
    PINGAP_LOG(warn, "upstream {}: {} has no servers any more: {}", upstream_, what_, why);
    state_ = State::empty;
    return soon();
  }
  return failed(why);
}

}  // namespace pingap::upstream
