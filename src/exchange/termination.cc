#include "exchange/termination.h"

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

constexpr std::string_view kPhases = "RCHD";

// "RR", "RC", ... of the letters in front that need the times.
struct Pairs {
  std::array<std::array<char, 2>, 4> text;

  constexpr explicit Pairs(char first) noexcept : text{} {
    for (size_t i = 0; i < text.size(); ++i) {
      text[i] = {first, kPhases[i]};
    }
  }
};

constexpr std::array<Pairs, 5> kPairs = {Pairs('c'), Pairs('C'), Pairs('T'), Pairs('K'),
                                         Pairs('R')};

size_t phase_of(const Exchange& x) noexcept {
  if (x.connect_start == TimePoint{}) {
    return 0;
  }
  if (x.request_sent < x.connect_start) {
    return 1;  // it is of a try before, or never was
  }
  return x.first_byte < x.request_sent ? 2 : 3;
}

}  // namespace

std::string_view termination(const Exchange& x) noexcept {
  const std::string_view letters = letters_of(x.reason);
  if (letters[1] != '?') {
    return x.reason == ErrorCode::none && !x.plugin.empty() ? "LR" : letters;
  }
  for (const Pairs& pairs : kPairs) {
    if (pairs.text[0][0] == letters[0]) {
      const auto& pair = pairs.text[phase_of(x)];
      return {pair.data(), pair.size()};
    }
  }
  return letters;
}

}  // namespace pingap::exchange
