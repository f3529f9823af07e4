#include "upstream/discovery/refresh.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

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
      longest_(longest == Duration::zero() ? kLongest : std::clamp(longest, kShortest, kLongest)),
      trouble_(Trouble::Part::discovery, upstream_) {
}

Duration Refresh::soon() noexcept {
  const Duration wait = std::min(kFirstRetry * (1 << std::min(misses_, 8U)), kLastRetry);
  ++misses_;
  return std::min(wait, longest_);
}

void Refresh::warn(State next, std::string_view what, std::string_view why,
                   std::string_view meanwhile) {
  const std::string text = fmt::format("{} {}: {}{}", what_, what, why, meanwhile);
  if (state_ != next) {
    PINGAP_LOG(warn, "upstream {}: {}", upstream_, text);
  }
  state_ = next;
  trouble_.begin(text);
}

Duration Refresh::found(Duration ttl, size_t servers, std::string_view why) {
  gone_ = 0;
  if (!why.empty()) {
    warn(State::troubled, "is known in part", why, "; the rest of the last answer is used");
    servers_ = servers;
    return soon();
  }
  if (state_ != State::well || servers_ != servers) {
    PINGAP_LOG(info, "upstream {}: {} has {} server{}", upstream_, what_, servers,
               servers == 1 ? "" : "s");
  }
  state_ = State::well;
  trouble_.end();
  servers_ = servers;
  misses_ = 0;
  return std::clamp(ttl, kShortest, longest_);
}

Duration Refresh::failed(std::string_view why) {
  if (state_ == State::well) {
    warn(State::troubled, "does not resolve", why, "; the last answer is used");
  } else if (state_ == State::unknown) {
    warn(State::empty, "does not resolve", why, "");
  }
  return soon();
}

Duration Refresh::gone(std::string_view why) {
  ++gone_;
  if (state_ == State::troubled && gone_ >= kBelieved) {
    warn(State::empty, "has no servers any more", why, "");
    return soon();
  }
  return failed(why);
}

}  // namespace pingap::upstream
