// One request to an HttpService and its answer. Control thread; retires itself.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "admin/http_service.h"
#include "http/stream.h"

namespace pingap::admin {

class HttpCall final : public http::RequestSink, public net::Retirable {
 public:
  HttpCall(HttpService& service, http::ServerStream& stream) noexcept
      : service_(service), stream_(stream) {}

  // http::RequestSink
  void on_head(http::RequestHead& head, End end) noexcept override;
  void on_refused(ErrorCode why, std::string_view head) noexcept override;
  void on_body(ByteQueue& data, End end) noexcept override;
  void on_trailers(http::HeaderMap& trailers) noexcept override;
  void on_sent(size_t bytes) noexcept override;
  void on_closed(const Error& why) noexcept override;

 private:
  void ask() noexcept;
  void answer(HttpReply reply) noexcept;
  void send_head(const HttpReply& reply, End end) noexcept;
  void pump() noexcept;

  HttpService& service_;
  http::ServerStream& stream_;
  HttpRequest request_;
  std::shared_ptr<HttpCall*> self_;  // for the answer; gone with the stream
  bool answered_ = false;
  bool keep_alive_ = true;
  std::string body_;      // of the answer
  size_t handed_ = 0;     // of body_, to the stream
  size_t in_flight_ = 0;  // of that, not yet written
};

}  // namespace pingap::admin
