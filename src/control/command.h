// What a command and the running process say to each other, through a unix socket: one request and
// one answer a connection, as text, each ended by closing that direction.
//
//   pingap 1 reload\n        0\n
//   comment: faster\n        configuration reloaded: ...\n
//   \n
//   body
//
// Any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/exit_code.h"
#include "config/model.h"
#include "net/fd.h"

namespace pingap::control {

struct Command {
  std::string name;
  std::vector<std::pair<std::string, std::string>> fields;  // of one line each
  std::string body;

  // The value of a field, empty where there is none.
  std::string_view field(std::string_view name) const noexcept;
};

struct Answer {
  ExitCode code = ExitCode::ok;  // of the command
  std::string text;              // that it prints, lines
  // Passed with it: one with each of the first lines of the text. Null: none.
  std::shared_ptr<std::vector<net::Fd>> descriptors = nullptr;
};

// Bytes of a request or an answer.
inline constexpr size_t kMaxCommand = 32 << 20;

std::string to_text(const Command& command);
std::string to_text(const Answer& answer);
// Nothing: it is none, or one of another version.
std::optional<Command> parse_command(std::string_view text);
std::optional<Answer> parse_answer(std::string_view text);

// Where a process of this user that runs the configuration `config` (a path) listens:
// `upgrade_sock`, or by default a file in a folder that only its user writes to. Empty: nowhere,
// as the configuration comes from stdin or says "off".
std::string command_socket_of(const config::Basic& basic, const std::string& config);

// The same as if nothing was said: by the path as it is given, and by where that leads where it is
// a link. There links lead to the socket that is elsewhere. None: nowhere.
std::vector<std::string> default_command_sockets_of(const std::string& config);

// The same for who looks for one that runs: it may be of root or of a service, or `upgrade_sock`
// was another when it was started.
std::string find_command_socket(const config::Basic& basic, const std::string& config);

}  // namespace pingap::control
