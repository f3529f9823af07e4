// What commands make the running process do. Control thread.
#pragma once

#include "control/command_server.h"
#include "control/reloader.h"

namespace pingap::control {

class Commands final : public CommandHandler {
 public:
  // Outlives it.
  explicit Commands(Reloader& reloader) : reloader_(reloader) {}

  void on_command(const Command& command, const std::string& author, Reply reply) override;

 private:
  Reloader& reloader_;
};

}  // namespace pingap::control
