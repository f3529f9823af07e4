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

// Empty where the configuration is no file and not in etcd.
std::string file_name_of(const std::string& config) {
  if (config::is_etcd_url(config)) {
    return fmt::format("{:016x}.sock", hash64(config::shown_url(config)));
  }
  std::error_code error;
  const auto path = std::filesystem::canonical(config, error);
  return config == "-" || error ? "" : fmt::format("{:016x}.sock", hash64(path.native()));
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
  return default_command_socket_of(config);
}

std::string default_command_socket_of(const std::string& config) {
  const std::string name = file_name_of(config);
  return name.empty() ? name : fmt::format("{}/{}", folder_of_sockets(), name);
}

std::string find_command_socket(const config::Basic& basic, const std::string& config) {
  std::string ours = command_socket_of(basic, config);
  if (ours.empty()) {
    return ours;
  }
  for (const std::string& path : {ours, default_command_socket_of(config),
                                  fmt::format("{}/{}", kSystemFolder, file_name_of(config))}) {
    if (::access(path.c_str(), F_OK) == 0) {
      return path;
    }
  }
  return ours;
}

}  // namespace pingap::control
