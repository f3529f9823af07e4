#include "admin/http_call.h"

#include <algorithm>
#include <array>
#include <utility>

#include "http/limits.h"
#include "http/status.h"

namespace pingap::admin {

using http::HeaderId;
using http::Method;

void HttpCall::on_head(http::RequestHead& head, End end) noexcept {
  request_.method = head.method;
  const size_t mark = head.target.find('?');
  request_.path = head.target.substr(0, mark);
  if (mark != std::string_view::npos) {
    request_.query = head.target.substr(mark + 1);
  }
  for (const http::Field& field : head.headers.fields()) {
    request_.headers.emplace_back(field.name(), field.value());
  }
  if (head.framing == http::Framing::length && head.content_length > service_.max_body()) {
    on_refused(ErrorCode::body_too_large, {});
    return;
  }
  if (head.expect_continue && end == End::no) {
    http::ResponseHead go_on;
    go_on.status = 100;
    stream_.send_interim(go_on);
  }
  if (end == End::yes) {
    ask();
  }
}

void HttpCall::on_refused(ErrorCode why, std::string_view /*head*/) noexcept {
  if (answered_) {
    return;
  }
  keep_alive_ = false;
  answer(
      {http::status_for(why), "text/plain; charset=utf-8", std::string(to_string(why)) + "\n", {}});
}

void HttpCall::on_body(ByteQueue& data, End end) noexcept {
  const size_t size = data.size();
  if (!answered_ && request_.body.size() + size > service_.max_body()) {
    on_refused(ErrorCode::body_too_large, {});
  }
  while (!data.empty()) {
    const std::string_view bytes = data.front();
    if (!answered_) {
      request_.body += bytes;
    }
    data.consume(bytes.size());
  }
  stream_.release_window(size);
  if (end == End::yes && !answered_) {
    ask();
  }
}

void HttpCall::on_trailers(http::HeaderMap& /*trailers*/) noexcept {
  ByteQueue none;
  on_body(none, End::yes);
}

void HttpCall::on_closed(const Error& /*why*/) noexcept {
  self_.reset();
  service_.loop().retire(this);
}

void HttpCall::ask() noexcept {
  self_ = std::make_shared<HttpCall*>(this);
  service_.handler().on_request(request_, [self = std::weak_ptr(self_)](HttpReply reply) {
    const auto call = self.lock();
    if (call != nullptr && !(*call)->answered_) {
      (*call)->answer(std::move(reply));
    }
  });
}

void HttpCall::answer(HttpReply reply) noexcept {
  answered_ = true;
  body_ = std::move(reply.body);
  const bool empty = body_.empty() || request_.method == Method::head;
  send_head(reply, empty ? End::yes : End::no);
  if (!empty) {
    pump();
  }
}

void HttpCall::send_head(const HttpReply& reply, End end) noexcept {
  std::array<http::Field, 16> fields;
  http::ResponseHead head;
  head.status = reply.status;
  head.reason = http::reason_phrase(reply.status);
  head.keep_alive = keep_alive_;
  head.headers = http::HeaderMap(fields);
  head.framing = http::Framing::length;
  head.content_length = body_.size();
  head.has_content_length = true;
  if (!body_.empty()) {
    head.headers.add(HeaderId::content_type, reply.content_type);
  }
  head.headers.add("Cache-Control", "no-store");
  for (const auto& [name, value] : reply.headers) {
    head.headers.add(name, value);
  }
  stream_.send_head(head, end);
}

// As much as a window at a time: who reads slowly holds no second copy of it all.
void HttpCall::pump() noexcept {
  while (handed_ < body_.size() && in_flight_ < http::limits::kWindow) {
    const size_t size = std::min(body_.size() - handed_, http::limits::kWindow);
    ByteQueue piece;
    piece.append(std::string_view(body_).substr(handed_, size));
    handed_ += size;
    in_flight_ += size;
    stream_.send_body(piece, handed_ == body_.size() ? End::yes : End::no);
  }
}

void HttpCall::on_sent(size_t bytes) noexcept {
  in_flight_ -= std::min(bytes, in_flight_);
  pump();
}

}  // namespace pingap::admin
