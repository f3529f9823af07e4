#include "http/h2/flood_guard.h"

#include <algorithm>

namespace pingap::http::h2 {
namespace {

// A client may open windows before it has got anything, once for each stream.
constexpr uint32_t kFirstUpdates = 2 * limits::kH2Streams;
// What it can save up: it need not acknowledge at once.
constexpr uint32_t kMostUpdates = 100 * kFirstUpdates;

}  // namespace

FloodGuard::FloodGuard() noexcept : updates_(kFirstUpdates) {
}

ErrorCode FloodGuard::charge(TokenBucket& bucket, TimePoint now) noexcept {
  ++charged_;
  if (bucket.take(now)) {
    return ErrorCode::none;
  }
  return &bucket == &resets_ ? ErrorCode::h2_reset_flood : ErrorCode::h2_frame_flood;
}

ErrorCode FloodGuard::on_frame(uint8_t type, size_t length, TimePoint now) noexcept {
  switch (static_cast<FrameType>(type)) {
    case FrameType::data:           // on_useless_frame()
    case FrameType::rst_stream:     // on_reset(), on_late_reset()
    case FrameType::window_update:  // on_window_update()
    case FrameType::push_promise:
      return ErrorCode::none;
    case FrameType::headers:
      block_ = length;
      return ErrorCode::none;
    case FrameType::continuation:
      block_ += length;
      return block_ > limits::kH2Bomb ? ErrorCode::h2_head_flood : ErrorCode::none;
    case FrameType::ping:
      if (pings_ > 0) {
        --pings_;
        return ErrorCode::none;
      }
      break;
    case FrameType::priority:
    case FrameType::settings:
    case FrameType::goaway:
    case FrameType::priority_update:
      break;
  }
  return charge(control_, now);  // also of frames that nobody knows (RFC 9113 5.5)
}

// A stream that was passed over is closed (RFC 9113 5.1.1). To tell it from one that was opened and
// is over, on which trailers may still come (5.1), some that were opened are remembered.
ErrorCode FloodGuard::on_headers(int32_t stream) noexcept {
  if (stream <= 0 || stream % 2 == 0) {
    return ErrorCode::none;  // an error that the framer knows
  }
  const auto distance = static_cast<size_t>(std::max(stream, newest_) - std::min(stream, newest_));
  if (stream > newest_) {
    opened_ <<= std::min(distance / 2, opened_.size());
    opened_.set(0);
    newest_ = stream;
    late_ = std::min(late_ + 1, kMostUpdates);
    return ErrorCode::none;
  }
  const bool skipped = distance / 2 < opened_.size() && !opened_.test(distance / 2);
  return skipped ? ErrorCode::h2_protocol : ErrorCode::none;
}

ErrorCode FloodGuard::on_window_update(TimePoint now) noexcept {
  if (updates_ == 0) {
    return charge(control_, now);
  }
  --updates_;
  return ErrorCode::none;
}

void FloodGuard::on_data_sent() noexcept {
  updates_ = std::min(updates_ + limits::kH2Updates, kMostUpdates);
  pings_ = std::min(pings_ + 1, kMostUpdates);
}

ErrorCode FloodGuard::on_reset(TimePoint now) noexcept {
  return charge(resets_, now);
}

ErrorCode FloodGuard::on_late_reset(TimePoint now) noexcept {
  if (late_ == 0) {
    return charge(control_, now);
  }
  --late_;
  return ErrorCode::none;
}

ErrorCode FloodGuard::on_refused_stream(TimePoint now) noexcept {
  if (settings_seen_) {
    return charge(resets_, now);
  }
  return ++refused_ > limits::kH2Refused ? ErrorCode::h2_reset_flood : ErrorCode::none;
}

}  // namespace pingap::http::h2
