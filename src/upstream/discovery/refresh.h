// When to ask again, whether to believe that there is nothing any more, and what to say of it: of
// each change once. Control thread.
//
//   well <--found-- troubled --believed--> empty
//     |                ^                     |
//     +--failed, gone--+      found: well <--+
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/trouble.h"

namespace pingap::upstream {

class Refresh {
 public:
  // For the log: "upstream api: api.internal ...". `longest`: ask at least so often; 0 = as answers
  // say.
  Refresh(std::string upstream, std::string what, Duration longest);

  // Each gives the time until the next question. `servers` were found; where some question has
  // failed nevertheless, `why` says how, and what it asked for is kept.
  Duration found(Duration ttl, size_t servers, std::string_view why = {});
  Duration failed(std::string_view why);
  // So often in a row until it is believed: a zone that is being changed is empty for a moment.
  Duration gone(std::string_view why);

  // There are no servers: what was known is to be forgotten.
  bool empty() const noexcept { return state_ == State::empty; }

  // There was an answer, good or bad.
  bool settled() const noexcept { return state_ != State::unknown; }

 private:
  enum class State : uint8_t {
    unknown,
    well,
    troubled,  // the last answer is used
    empty,
  };

  Duration soon() noexcept;
  // Of each kind of trouble once in the log.
  void warn(State next, std::string_view what, std::string_view why, std::string_view meanwhile);

  const std::string upstream_;
  const std::string what_;
  const Duration longest_;
  State state_ = State::unknown;
  size_t servers_ = 0;
  unsigned misses_ = 0;  // questions in a row without a good answer
  unsigned gone_ = 0;    // answers in a row that there is nothing
  Trouble trouble_;
};

}  // namespace pingap::upstream
