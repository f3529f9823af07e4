// What `pingap trace` says and does: single requests are written to the application log for a
// while. Control thread.
#pragma once

#include <memory>

#include "control/command.h"
#include "net/event_loop.h"
#include "net/timer.h"
#include "proxy/request_watch.h"
#include "proxy/server.h"

namespace pingap::control {

class Watching {
 public:
  // Both outlive it.
  Watching(proxy::Server& server, net::EventLoop& loop) noexcept : server_(server), loop_(loop) {}

  // Fields: `client` (an address or network), `path` (how it begins), `for` (a duration), `most`
  // (lines); or `off`. With none of them only tells how it is.
  Answer order(const Command& command);

 private:
  // Looks whether it is over, this often.
  static constexpr Duration kLook = std::chrono::milliseconds(100);

  Answer begin(const Command& command);
  std::string describe() const;
  void on_timer() noexcept;
  void end();

  proxy::Server& server_;
  net::EventLoop& loop_;
  std::shared_ptr<proxy::RequestWatch> watch_;  // null: nothing is watched
  net::Timer timer_{Callback<void()>::of<&Watching::on_timer>(this)};
};

}  // namespace pingap::control
