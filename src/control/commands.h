// What commands make the running process do. Control thread.
#pragma once

#include "control/command_server.h"
#include "control/control.h"
#include "control/reloader.h"

namespace pingap::control {

class Commands final : public CommandHandler {
 public:
  // All outlive it.
  Commands(Reloader& reloader, Control& control, const Running& running)
      : reloader_(reloader), control_(control), running_(running) {}

  void on_command(const Command& command, const std::string& author, Reply reply) override;

 private:
  Reloader& reloader_;
  Control& control_;
  const Running& running_;
};

}  // namespace pingap::control
