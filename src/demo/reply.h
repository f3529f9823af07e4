// The answer of a demo backend to one request. The thread of DemoBackends; retires itself.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "demo/websocket_echo.h"
#include "http/stream.h"
#include "net/event_loop.h"
#include "net/timer.h"

namespace pingap::demo {

class Origin;

class Reply final : public http::RequestSink, public net::Retirable {
 public:
  Reply(Origin& origin, http::ServerStream& stream) noexcept : origin_(origin), stream_(stream) {}

  // http::RequestSink
  void on_head(http::RequestHead& head, End end) noexcept override;
  void on_refused(ErrorCode why, std::string_view head) noexcept override;
  void on_body(ByteQueue& data, End end) noexcept override;
  void on_trailers(http::HeaderMap& trailers) noexcept override;
  void on_sent(size_t bytes) noexcept override;
  void on_closed(const Error& why) noexcept override;

 private:
  enum class Plan : uint8_t { describe, status, bytes, delay, stream, echo, websocket };

  // False: the number in the path is missing or out of range.
  bool choose(std::string_view path) noexcept;
  void answer() noexcept;
  void answer_text(uint16_t status, std::string_view type, std::string_view text) noexcept;
  void start_bytes() noexcept;
  void start_stream() noexcept;
  void start_echo(const http::RequestHead& head, End end) noexcept;
  void start_websocket(const http::RequestHead& head) noexcept;
  void send_head(http::ResponseHead& head, std::string_view type, End end) noexcept;
  void pump_bytes() noexcept;
  void echo(ByteQueue& data, End end) noexcept;
  void echo_messages(ByteQueue& data, End end) noexcept;
  void on_timer() noexcept;

  Origin& origin_;
  http::ServerStream& stream_;
  Plan plan_ = Plan::describe;
  uint64_t number_ = 0;     // of the path: status, bytes, milliseconds
  std::string text_;        // what describes the request
  uint64_t received_ = 0;   // body bytes of the request
  uint64_t in_flight_ = 0;  // body bytes handed to the stream and not yet written
  size_t unreleased_ = 0;   // body bytes echoed and not yet released
  int lines_ = 0;           // of a stream, sent
  bool json_ = false;
  bool head_request_ = false;
  bool head_sent_ = false;
  bool ended_ = false;   // the answer is complete
  bool tunnel_ = false;  // WebSocket
  WebSocketEcho websocket_;
  net::Timer timer_{Callback<void()>::of<&Reply::on_timer>(this)};
};

}  // namespace pingap::demo
