#include "proxy/filtered_response.h"

#include <algorithm>
#include <utility>

#include "http/limits.h"

namespace pingap::proxy {
namespace {

// Of what was made may wait for the client while more is taken in.
constexpr size_t kBacklog = http::limits::kWindow / 2;

}  // namespace

FilteredResponse::FilteredResponse(http::ServerStream& client, net::EventLoop& loop,
                                   BodyFilters filters, Owner owner) noexcept
    : client_(client), loop_(loop), filters_(std::move(filters)), owner_(owner) {
}

void FilteredResponse::send_head(http::ResponseHead& head, End end) noexcept {
  if (!filters_.keep_length() && end == End::no && head.framing != http::Framing::until_close) {
    head.framing = http::Framing::chunked;
    head.has_content_length = false;
  }
  client_.send_head(head, end);
}

void FilteredResponse::send_interim(const http::ResponseHead& head) noexcept {
  client_.send_interim(head);
}

bool FilteredResponse::unsend() noexcept {
  return client_.unsend();
}

// False: it has failed.
bool FilteredResponse::filter(ByteQueue& data, End end) noexcept {
  if (auto filtered = filters_.run(data, end); !filtered) {
    error_ = filtered.error();
    loop_.defer(*this);
    return false;
  }
  return true;
}

void FilteredResponse::send_body(ByteQueue& data, End end) noexcept {
  if (error_) {
    data.clear();
    return;
  }
  came_ += data.size();
  if (!filter(data, end)) {
    return;
  }
  unsent_ += data.size();
  sent_bytes_ += data.size();
  if (!data.empty() || end == End::yes) {
    client_.send_body(data, end);
  }
  if (unsent_ < kBacklog && came_ > 0) {
    loop_.defer(*this);  // perhaps nothing was made of it, and nobody would ever say it is sent
  }
}

void FilteredResponse::send_trailers(const http::HeaderMap& trailers) noexcept {
  ByteQueue out;
  if (error_ || !filter(out, End::yes)) {
    return;
  }
  if (!out.empty()) {
    unsent_ += out.size();
    sent_bytes_ += out.size();
    client_.send_body(out, End::no);
  }
  client_.send_trailers(trailers);
}

void FilteredResponse::release_window(size_t bytes) noexcept {
  client_.release_window(bytes);
}

void FilteredResponse::reset(ErrorCode why) noexcept {
  net::Deferrable::unlink();
  client_.reset(why);
}

size_t FilteredResponse::on_sent(size_t bytes) noexcept {
  unsent_ -= std::min(bytes, unsent_);
  return unsent_ < kBacklog ? std::exchange(came_, 0) : 0;
}

void FilteredResponse::on_deferred() noexcept {
  if (error_) {
    owner_.on_failed(error_);
    return;
  }
  if (const size_t came = unsent_ < kBacklog ? std::exchange(came_, 0) : 0; came > 0) {
    owner_.on_sent(came);
  }
}

}  // namespace pingap::proxy
