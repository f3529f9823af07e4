#include "upstream/discovery/docker_call.h"

#include <utility>

#include <fmt/format.h>

namespace pingap::upstream {

DockerCall::DockerCall(EndpointPool& pool, const session::ClientSettings& settings,
                       Handlers handlers)
    : pool_(pool), settings_(settings), handlers_(std::move(handlers)) {
}

DockerCall::~DockerCall() {
  stop();
}

void DockerCall::start(const std::string& target) {
  stop();
  status_ = 0;
  auto opened = pool_.open(*this, Reuse::never, settings_, {});
  if (!opened) {
    handlers_.on_end(std::string(to_string(opened.error().code)));
    return;
  }
  stream_ = opened->stream;
  fields_.assign(2, http::Field{});
  http::RequestHead head;
  head.headers = http::HeaderMap(fields_);
  head.method_text = "GET";
  head.target = target;
  head.authority = "docker";
  head.headers.add(http::HeaderId::user_agent, "pingap");
  stream_->send_head(head, End::yes);
}

void DockerCall::stop() noexcept {
  if (stream_ != nullptr) {
    std::exchange(stream_, nullptr)->reset(ErrorCode::none);
  }
}

void DockerCall::on_head(http::ResponseHead& head, End /*end*/) noexcept {
  if (head.status < 200) {
    return;
  }
  status_ = head.status;
  if (status_ == 200) {
    handlers_.on_start();
  }
}

void DockerCall::on_body(ByteQueue& data, End /*end*/) noexcept {
  const size_t size = data.size();
  while (!data.empty()) {
    const std::string_view piece = data.front();
    if (status_ == 200 && stream_ != nullptr) {
      handlers_.on_data(piece);
    }
    data.consume(piece.size());
  }
  if (stream_ != nullptr) {
    stream_->release_window(size);
  }
}

void DockerCall::on_closed(const Error& why) noexcept {
  stream_ = nullptr;
  if (why) {
    handlers_.on_end(why.detail != nullptr ? std::string(why.detail)
                                           : std::string(to_string(why.code)));
  } else {
    handlers_.on_end(status_ == 200 ? std::string() : fmt::format("status {}", status_));
  }
}

}  // namespace pingap::upstream
