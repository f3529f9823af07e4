#include "control/commands.h"

#include <utility>

#include <fmt/format.h>

namespace pingap::control {

void Commands::on_command(const Command& command, const std::string& author, Reply reply) {
  if (command.name == "reload") {
    reloader_.reload({"command", author, std::string(command.field("comment"))}, std::move(reply));
    return;
  }
  reply({ExitCode::usage,
         fmt::format("this process knows no command `{}`: it is another version\n", command.name)});
}

}  // namespace pingap::control
