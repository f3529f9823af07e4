// What commands make the running process do. Control thread.
#pragma once

#include "control/command_server.h"
#include "control/control.h"
#include "control/profile.h"
#include "control/reloader.h"
#include "control/side_service.h"
#include "control/watching.h"

namespace pingap::control {

class Commands final : public CommandHandler {
 public:
  // All outlive it; `side` may be null.
  Commands(Reloader& reloader, Control& control, const Running& running, const SideService* side,
           proxy::Server& server, proxy::LiveUpstreams& upstreams, net::EventLoop& loop)
      : reloader_(reloader),
        control_(control),
        running_(running),
        side_(side),
        upstreams_(upstreams),
        watching_(server, loop),
        profile_(loop) {}

  void on_command(const Command& command, const std::string& author, Reply reply) override;

 private:
  void answer_status(const Command& command, const Reply& reply);

  Reloader& reloader_;
  Control& control_;
  const Running& running_;
  const SideService* side_;
  proxy::LiveUpstreams& upstreams_;
  Watching watching_;
  Profile profile_;
};

}  // namespace pingap::control
