// Looks after one server: asks it again and again how it is, over the client sessions that requests
// use, and says so in its EndpointState. Control thread.
//
//   waiting --time--> asking --answer, failure, time--> waiting
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/stream.h"
#include "net/event_loop.h"
#include "net/fd.h"
#include "net/timer.h"
#include "upstream/endpoint.h"
#include "upstream/health/settings.h"
#include "upstream/pool.h"

namespace pingap::upstream {

class Check final : public http::ResponseSink,
                    public net::IoHandler,
                    public net::Deferrable,
                    public net::Retirable {
 public:
  // `upstream` is the name for the log; it and `settings` outlive the check.
  Check(net::EventLoop& loop, const HealthSettings& settings, const std::string& upstream,
        std::shared_ptr<const Endpoint> endpoint, uint64_t seed);
  Check(const Check&) = delete;
  Check& operator=(const Check&) = delete;
  ~Check() override;

  // Gives up; to be retired then: events for it may be under way.
  void stop() noexcept;

  // The first check comes after a while of at most `within`.
  void start(Duration within) noexcept;

  const Endpoint& endpoint() const noexcept { return *endpoint_; }

  // http::ResponseSink
  void on_connected() noexcept override {}

  void on_head(http::ResponseHead& head, End end) noexcept override;
  void on_body(ByteQueue& data, End end) noexcept override;
  void on_trailers(http::HeaderMap& trailers) noexcept override;

  void on_sent(size_t /*bytes*/) noexcept override {}

  void on_closed(const Error& why) noexcept override;
  // net::IoHandler: a connection that is all there is to a check
  void on_io(net::IoEvents ready) noexcept override;
  // net::Deferrable: once more, by another connection
  void on_deferred() noexcept override;

 private:
  // More of a body is not looked at.
  static constexpr size_t kBodyRoom = 64 << 10;

  void on_timer() noexcept;
  void ask() noexcept;
  void ask_tcp() noexcept;
  void ask_http(Reuse reuse) noexcept;
  http::RequestHead request_head();
  void note_grpc_status(const http::HeaderMap& fields) noexcept;
  void judge() noexcept;
  void drop() noexcept;
  void conclude(std::string_view fault) noexcept;
  void passed() noexcept;
  void failed(std::string_view fault) noexcept;
  Duration pause() noexcept;

  net::EventLoop& loop_;
  const HealthSettings& settings_;
  const std::string& upstream_;
  const std::shared_ptr<const Endpoint> endpoint_;
  ServerCounts counts_;  // of checks: nobody asks
  EndpointPool pool_;
  std::vector<http::Field> fields_;
  uint64_t random_;
  bool stopped_ = false;
  bool asking_ = false;
  bool reused_ = false;
  uint32_t passed_ = 0;  // in a row
  uint32_t failed_ = 0;
  http::ClientStream* stream_ = nullptr;
  net::Fd socket_;
  // The answer so far.
  uint16_t status_ = 0;
  std::string body_;
  std::string grpc_status_;
  net::Timer timer_{Callback<void()>::of<&Check::on_timer>(this)};
};

}  // namespace pingap::upstream
