#include "proxy/response_body.h"

#include <algorithm>

namespace pingap::proxy {

namespace limits = http::limits;

Result<> ResponseBody::take(ByteQueue& data, End end, http::Stream& from) noexcept {
  if (!spool_) {
    client_->send_body(data, end);
    return {};
  }
  held_ += data.size();
  if (auto kept = spool_->append(data); !kept) {
    return kept;
  }
  over_ = end == End::yes;
  if (auto pumped = pump(); !pumped) {
    return pumped;
  }
  make_room(from);
  return {};
}

// The backend goes on while the spool has room; when it is full, once all of it has been sent.
void ResponseBody::make_room(http::Stream& from) noexcept {
  if (!spool_) {
    return;
  }
  if (spool_->size() >= most_) {
    if (sent_ < spool_->size()) {
      return;
    }
    spool_.emplace();
    sent_ = 0;
  }
  from.release_window(std::exchange(held_, 0));
}

// As much as the client takes, never more on its way than a window.
Result<> ResponseBody::pump() noexcept {
  const uint64_t rest = spool_->size() - sent_;
  if ((rest == 0 && !over_) || (in_flight_ >= limits::kWindow / 2 && rest > 0)) {
    return {};
  }
  ByteQueue piece;
  if (auto got = spool_->read(sent_, std::min(rest, limits::kWindow - in_flight_), piece); !got) {
    return got;
  }
  sent_ += piece.size();
  in_flight_ += piece.size();
  spool_->release(sent_);
  const bool last = over_ && sent_ == spool_->size();
  client_->send_body(piece, last ? End::yes : End::no);
  if (last) {
    spool_.reset();
  }
  return {};
}

Result<> ResponseBody::on_sent(size_t bytes, http::Stream* from) noexcept {
  if (!spool_) {
    if (from != nullptr) {
      from->release_window(bytes);
    }
    return {};
  }
  in_flight_ -= std::min<uint64_t>(bytes, in_flight_);
  if (auto pumped = pump(); !pumped) {
    return pumped;
  }
  if (from != nullptr) {
    make_room(*from);
  }
  return {};
}

}  // namespace pingap::proxy
