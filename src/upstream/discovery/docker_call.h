// One GET on Docker's socket, over the client sessions that requests use. Control thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "http/stream.h"
#include "session/session.h"
#include "upstream/pool.h"

namespace pingap::upstream {

class DockerCall final : public http::ResponseSink {
 public:
  struct Handlers {
    std::function<void()> on_start;  // an answer with status 200 begins
    std::function<void(std::string_view)> on_data;
    std::function<void(std::string)> on_end;  // once; why it failed, or empty
  };

  // `pool` and `settings` outlive the call.
  DockerCall(EndpointPool& pool, const session::ClientSettings& settings, Handlers handlers);
  DockerCall(const DockerCall&) = delete;
  DockerCall& operator=(const DockerCall&) = delete;
  ~DockerCall();

  // Where there is one under way it is given up, and its end is not told.
  void start(const std::string& target);
  void stop() noexcept;

  // http::ResponseSink
  void on_connected() noexcept override {}

  void on_head(http::ResponseHead& head, End end) noexcept override;
  void on_body(ByteQueue& data, End end) noexcept override;

  void on_trailers(http::HeaderMap& /*trailers*/) noexcept override {}

  void on_sent(size_t /*bytes*/) noexcept override {}

  void on_closed(const Error& why) noexcept override;

 private:
  EndpointPool& pool_;
  const session::ClientSettings& settings_;
  const Handlers handlers_;
  http::ClientStream* stream_ = nullptr;
  uint16_t status_ = 0;
  std::vector<http::Field> fields_;
};

}  // namespace pingap::upstream
