// What requests are under way, asked of each worker by a message: nobody else looks at them. A
// worker that hangs itself keeps nobody waiting. Control thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "net/event_loop.h"
#include "net/timer.h"
#include "proxy/server.h"
#include "proxy/under_way.h"

namespace pingap::control {

struct RequestsReport {
  proxy::UnderWayReport found;
  std::vector<size_t> silent;  // workers that have not answered in time
};

class RequestsView {
 public:
  using Done = std::function<void(const RequestsReport&)>;

  static constexpr size_t kUsual = 100;  // requests that are told of one by one
  static constexpr size_t kMost = 1000;
  static constexpr Duration kPatience = std::chrono::seconds(1);

  // How many somebody asks for: 1 to kMost, empty is kUsual. None: it is no such number.
  static std::optional<size_t> parse_most(std::string_view text) noexcept;

  // Both outlive it, and all messages: workers end before the loop does.
  RequestsView(const proxy::Server& server, net::EventLoop& loop,
               Duration patience = kPatience) noexcept
      : server_(server), loop_(loop), patience_(patience) {}

  // `done` is called once, later, unless this ends before; with the `most` oldest requests.
  void ask(size_t most, Done done);

 private:
  class Question;

  void forget(const Question& question) noexcept;

  const proxy::Server& server_;
  net::EventLoop& loop_;
  const Duration patience_;
  std::vector<std::shared_ptr<Question>> questions_;  // without an answer yet
};

}  // namespace pingap::control
