#include "control/command.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <unistd.h>

#include <fmt/format.h>

#include "base/hash.h"
#include "config/etcd_url.h"
#include "control/lines.h"

namespace pingap::control {
namespace {

constexpr std::string_view kVersion = "pingap 1 ";

// What a line may not hold.
std::string one_line(std::string_view text) {
  std::string line(text);
  std::ranges::replace_if(line, [](char c) { return c == '\n' || c == '\r' || c == '\0'; }, ' ');
  return line;
}

constexpr std::string_view kSystemFolder = "/run/pingap";

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  return value != nullptr && *value == '/' ? value : "";
}

// Of this user's processes. Not /tmp itself, where another user could put a socket first.
std::string folder_of_sockets() {
  const std::string_view service = environment("RUNTIME_DIRECTORY");  // by systemd
  if (!service.empty()) {
    return std::string(service.substr(0, service.find(':')));
  }
  if (::geteuid() == 0) {
    return std::string(kSystemFolder);
  }
  const std::string_view session = environment("XDG_RUNTIME_DIR");
  return session.empty() ? fmt::format("/tmp/pingap-{}", ::geteuid())
                         : fmt::format("{}/pingap", session);
}

std::string file_name(std::string_view what) {
  return fmt::format("{:016x}.sock", hash64(what));
}

// By what is said, whether it is there or not, and a link or not: that changes while a process
// runs. Then by where that leads now, for who says it in another way. None where the configuration
// is no file and not in etcd.
std::vector<std::string> file_names_of(const std::string& config) {
  if (config == "-" || config.empty()) {
    return {};
  }
  if (config::is_etcd_url(config)) {
    return {file_name(config::shown_url(config))};
  }
  std::error_code error;
  auto said = std::filesystem::absolute(config, error).lexically_normal();
  if (!said.has_filename()) {
    said = said.parent_path();  // "folder/"
  }
  std::vector<std::string> names = {file_name(said.native())};
  const auto real = std::filesystem::canonical(config, error);
  if (!error && real != said) {
    names.push_back(file_name(real.native()));
  }
  return names;
}

}  // namespace

std::string_view Command::field(std::string_view wanted) const noexcept {
  const auto found =
      std::ranges::find_if(fields, [&](const auto& field) { return field.first == wanted; });
  return found == fields.end() ? std::string_view{} : found->second;
}

std::string to_text(const Command& command) {
  std::string text = fmt::format("{}{}\n", kVersion, command.name);
  for (const auto& [name, value] : command.fields) {
    text += fmt::format("{}: {}\n", name, one_line(value));
  }
  return text + "\n" + command.body;
}

std::string to_text(const Answer& answer) {
  return fmt::format("{}\n{}", static_cast<unsigned>(answer.code), answer.text);
}

std::optional<Command> parse_command(std::string_view text) {
  const std::string_view first = take_line(text);
  if (!first.starts_with(kVersion)) {
    return std::nullopt;
  }
  Command command;
  command.name = first.substr(kVersion.size());
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (line.empty()) {
      break;
    }
    const size_t colon = line.find(": ");
    if (colon == std::string_view::npos) {
      return std::nullopt;
    }
    command.fields.emplace_back(line.substr(0, colon), line.substr(colon + 2));
  }
  command.body = text;
  return command;
}

std::optional<Answer> parse_answer(std::string_view text) {
  const std::string_view first = take_line(text);
  const auto code = number_of(first);
  if (!code || *code > UINT8_MAX) {
    return std::nullopt;
  }
  return Answer{static_cast<ExitCode>(*code), std::string(text), nullptr};
}

std::string command_socket_of(const config::Basic& basic, const std::string& config) {
  const std::string& written = basic.upgrade_sock.value;
  if (!written.empty()) {
    return written == "off" ? std::string() : written;
  }
  const auto paths = default_command_sockets_of(config);
  return paths.empty() ? std::string() : paths.front();
}

std::vector<std::string> default_command_sockets_of(const std::string& config) {
  std::vector<std::string> paths = file_names_of(config);
  for (std::string& path : paths) {
    path = fmt::format("{}/{}", folder_of_sockets(), path);
  }
  return paths;
}

std::string find_command_socket(const config::Basic& basic, const std::string& config) {
  std::string ours = command_socket_of(basic, config);
  if (ours.empty()) {
    return ours;
  }
  std::vector<std::string> paths = default_command_sockets_of(config);
  paths.insert(paths.begin(), ours);
  for (const std::string& name : file_names_of(config)) {
    paths.push_back(fmt::format("{}/{}", kSystemFolder, name));
  }
  for (const std::string& path : paths) {
    if (::access(path.c_str(), F_OK) == 0) {
      return path;
    }
  }
  return ours;
}

}  // namespace pingap::control
