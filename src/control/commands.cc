#include "control/commands.h"

#include <utility>

#include <fmt/format.h>

#include "control/log_levels.h"
#include "control/state_text.h"
#include "control/upstream_orders.h"

namespace pingap::control {

// `requests`: how many of those under way; as text only where somebody asks for them.
void Commands::answer_status(const Command& command, const Reply& reply) {
  const std::string_view requests = command.field("requests");
  const bool json = command.field("format") == "json";
  if (!json && requests.empty()) {
    reply({ExitCode::ok, status_text(running_)});
    return;
  }
  const auto most = RequestsView::parse_most(requests);
  if (!most) {
    reply({ExitCode::usage, fmt::format("pingap: `{}` is no number of requests from 1 to {}\n",
                                        requests, RequestsView::kMost)});
    return;
  }
  running_.requests.ask(*most, [this, json, reply](const RequestsReport& found) {
    reply({ExitCode::ok,
           json ? state_text(running_, {}, found) : status_text(running_) + requests_text(found)});
  });
}

void Commands::on_command(const Command& command, const std::string& author, Reply reply) {
  if (command.name == "reload") {
    const std::string_view origin = command.field("origin");
    reloader_.reload({origin.empty() ? "command" : std::string(origin), author,
                      std::string(command.field("comment"))},
                     std::move(reply));
    return;
  }
  if (command.name == "diff") {
    reloader_.compare(reply);
    return;
  }
  if (command.name == "log") {
    reply(change_log_levels(command.field("levels"), reloader_.log_levels()));
    return;
  }
  if (command.name == "upstream") {
    reply(order_upstream(command, author, upstreams_));
    return;
  }
  if (command.name == "status") {
    answer_status(command, reply);
    return;
  }
  if (command.name == "metrics" && side_ != nullptr) {
    reply({ExitCode::ok, side_->metrics(observe::Form::text)});
    return;
  }
  if (command.name == "trace") {
    reply(watching_.order(command));
    return;
  }
  if (command.name == "profile") {
    profile_.take(command, std::move(reply));
    return;
  }
  if (command.name == "upgrade") {
    control_.upgrade().start(std::move(reply));
    return;
  }
  if (command.name == "sockets") {
    reply(control_.pass_sockets());
    return;
  }
  if (command.name == "taken_over") {
    reply(control_.upgrade().taken_over(command.field("pid")));
    return;
  }
  reply({ExitCode::usage,
         fmt::format("this process knows no command `{}`: it is another version\n", command.name)});
}

}  // namespace pingap::control
