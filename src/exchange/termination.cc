#include "exchange/termination.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace pingap::exchange {
namespace {

// '?': the times of the exchange tell.
constexpr std::string_view letters_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::none:
      return "--";
    case ErrorCode::header_timeout:
    case ErrorCode::body_timeout:
    case ErrorCode::body_too_slow:
    case ErrorCode::h2_settings_timeout:
      return "c?";
    case ErrorCode::client_stalled:
    case ErrorCode::tunnel_idle:
      return "cD";
    case ErrorCode::client_closed:
    case ErrorCode::client_reset:
      return "C?";
    case ErrorCode::deadline_exceeded:
      return "T?";
    case ErrorCode::shutting_down:
      return "K?";
    case ErrorCode::out_of_descriptors:
      return "RC";
    case ErrorCode::buffer_full:
    case ErrorCode::io:
      return "R?";
    case ErrorCode::upstream_limit:
      return "RQ";
    case ErrorCode::queue_timeout:
      return "sQ";
    case ErrorCode::no_upstream:
    case ErrorCode::upstream_out:
    case ErrorCode::upstream_unresolved:
      return "SQ";
    case ErrorCode::upstream_refused:
    case ErrorCode::upstream_unreachable:
    case ErrorCode::upstream_tls:
    case ErrorCode::upstream_certificate:
    case ErrorCode::upstream_protocol:
      return "SC";
    case ErrorCode::upstream_connect_timeout:
    case ErrorCode::upstream_tls_timeout:
      return "sC";
    case ErrorCode::upstream_bad_status:
    case ErrorCode::upstream_closed:
    case ErrorCode::upstream_reset:
    case ErrorCode::upstream_stream_refused:
    case ErrorCode::upstream_bad_head:
    case ErrorCode::upstream_head_too_large:
    case ErrorCode::upstream_bad_upgrade:
    case ErrorCode::upstream_too_many_interim:
      return "SH";
    case ErrorCode::upstream_timeout:
    case ErrorCode::upstream_write_timeout:
      return "sH";
    case ErrorCode::upstream_bad_framing:
    case ErrorCode::upstream_truncated:
      return "SD";
    case ErrorCode::upstream_idle_timeout:
      return "sD";
    default:
      return "PR";  // what was refused: the client's message, or what it asked for
  }
}

constexpr uint8_t index_of(std::string_view letters) noexcept {
  return static_cast<uint8_t>(std::ranges::find(kTerminations, letters) - kTerminations.begin());
}

// Where the letters of a reason are; with `phases`, where those of the first phase are: the others
// follow it.
struct Place {
  uint8_t index;
  bool phases;
};

constexpr auto kPlaces = [] {
  std::array<Place, static_cast<size_t>(ErrorCode::count_)> places{};
  for (size_t i = 0; i < places.size(); ++i) {
    const std::string_view letters = letters_of(static_cast<ErrorCode>(i));
    const std::array<char, 2> first = {letters[0], 'R'};
    places[i] = letters[1] == '?' ? Place{index_of({first.data(), first.size()}), true}
                                  : Place{index_of(letters), false};
  }
  return places;
}();

static_assert(std::ranges::none_of(kPlaces, [](Place place) {
  return place.index + (place.phases ? 3U : 0U) >= kTerminations.size();
}));

constexpr uint8_t kByPlugin = index_of("LR");

uint8_t phase_of(const Exchange& x) noexcept {
  if (x.connect_start == TimePoint{}) {
    return 0;
  }
  if (x.request_sent < x.connect_start) {
    return 1;  // it is of a try before, or never was
  }
  return x.first_byte < x.request_sent ? 2 : 3;
}

}  // namespace

uint8_t termination_index(const Exchange& x) noexcept {
  if (x.reason == ErrorCode::none) {
    return x.plugin.empty() ? 0U : kByPlugin;
  }
  const Place place = kPlaces[static_cast<size_t>(x.reason)];
  return static_cast<uint8_t>(place.index + (place.phases ? phase_of(x) : 0U));
}

}  // namespace pingap::exchange
