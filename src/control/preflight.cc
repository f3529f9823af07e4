#include "control/preflight.h"

#include <algorithm>
#include <cerrno>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "base/file_access.h"
#include "net/socket.h"
#include "observe/log_sink.h"
#include "proxy/server.h"

namespace pingap::control {
namespace {

using config::Diagnostics;
using config::Located;

std::string reason(int error) {
  return std::generic_category().message(error);
}

std::string file_hint(const std::string& path, int error) {
  switch (error) {
    case ENOENT:
      return fmt::format("create the folder `{}`", folder_of(path));
    case EACCES:
      return fmt::format("uid {} must be allowed to write it and to `{}`", ::geteuid(),
                         folder_of(path));
    case ELOOP:
      return "it may not be a symbolic link";
    default:
      return {};
  }
}

void check_pid_file(const Located<std::string>& path, Diagnostics& diagnostics) {
  if (path.value.empty()) {
    return;
  }
  int error = try_to_write(path.value, Symlinks::refuse);
  if (error == 0) {
    error = try_to_create(path.value);  // it is replaced in one step
  }
  if (error != 0) {
    diagnostics.error(path.at,
                      fmt::format("cannot write pid_file `{}`: {}", path.value, reason(error)), {},
                      file_hint(path.value, error));
  }
}

struct LogFile {
  std::string path;
  config::Position at;
  std::string_view key;
};

std::vector<LogFile> log_files(const proxy::Snapshot& snapshot) {
  std::vector<LogFile> files;
  const auto add = [&](const std::string& path, config::Position at, std::string_view key) {
    const auto same = [&](const LogFile& one) { return one.path == path; };
    if (!observe::is_stream(path) && std::ranges::none_of(files, same)) {
      files.push_back({path, at, key});
    }
  };
  for (const auto& site : snapshot.sites) {
    for (const auto& log : site->logs) {
      add(log->path, log->at, "access_log");
    }
  }
  if (snapshot.logging.target.kind == observe::LogTarget::Kind::file) {
    add(snapshot.logging.target.where, snapshot.logging.target_at, "output");
  }
  return files;
}

// Returns whether the file can be opened now.
bool check_log(const LogFile& file, observe::BadLog bad, Diagnostics& diagnostics) {
  if (const int error = try_to_write(file.path, Symlinks::follow)) {
    std::string what = fmt::format("cannot open {} `{}`: {}", file.key, file.path, reason(error));
    std::string hint = file_hint(file.path, error);
    if (bad == observe::BadLog::refused) {
      diagnostics.error(file.at, std::move(what), {}, std::move(hint));
    } else {
      diagnostics.warning(file.at, std::move(what), {}, std::move(hint));
    }
    return false;
  }
  struct stat info{};
  if (::stat(file.path.c_str(), &info) == 0 && S_ISFIFO(info.st_mode)) {
    diagnostics.warning(file.at, fmt::format("{} `{}` is a named pipe", file.key, file.path), {},
                        "its lines wait, and are lost in the end, while nobody reads it");
    return false;
  }
  return true;
}

// Logs are opened by who starts the proxy, and after a rotation by who it has become.
void check_rotation(const config::Basic& basic, const Identity& identity,
                    const std::vector<LogFile>& files, Diagnostics& diagnostics) {
  std::vector<std::string> paths;
  paths.reserve(files.size());
  for (const LogFile& file : files) {
    paths.push_back(file.path);
  }
  const auto& who = basic.user.value.empty() ? basic.group : basic.user;
  const Rehearsal seen = rehearse(identity, paths);
  if (seen.error != 0) {
    diagnostics.error(who.at, fmt::format("cannot become `{}`: {}", who.value, reason(seen.error)),
                      {}, "it takes CAP_SETUID and CAP_SETGID");
    return;
  }
  for (size_t i = 0; i < files.size(); ++i) {
    if (!seen.writes[i]) {
      diagnostics.warning(
          files[i].at,
          fmt::format("`{}` cannot create a file in `{}`", who.value, folder_of(paths[i])), {},
          "after a rotation the log cannot be opened again");
    }
  }
}

void check_address(const Located<std::string>& text, Diagnostics& diagnostics) {
  const auto address = net::Address::parse(text.value);
  const auto tried = address ? net::try_to_listen_on(*address) : Result<>{};
  if (!tried) {
    const int error = tried.error().sys;
    const std::string hint = address->is_unix() && error != EEXIST
                                 ? file_hint(std::string(address->path()), error)
                                 : std::string(proxy::listen_hint(error));
    diagnostics.error(text.at, fmt::format("cannot listen on `{}`: {}", text.value, reason(error)),
                      {}, hint);
  }
}

void check_addresses(const config::Model& model, const proxy::InheritedSockets* given,
                     Diagnostics& diagnostics) {
  for (const config::Listener& server : model.servers) {
    for (const Located<std::string>& text : server.addrs) {
      if (given == nullptr || !given->stands_in(server.name, text.value)) {
        check_address(text, diagnostics);
      }
    }
  }
  if (model.metrics.on()) {
    check_address(model.metrics.addr, diagnostics);
  }
}

}  // namespace

std::optional<Identity> check_machine(const config::Model& model, const proxy::Snapshot& snapshot,
                                      Diagnostics& diagnostics, observe::BadLog bad_logs,
                                      const proxy::InheritedSockets* given) {
  check_pid_file(model.basic.pid_file, diagnostics);
  std::vector<LogFile> files = log_files(snapshot);
  std::erase_if(files,
                [&](const LogFile& file) { return !check_log(file, bad_logs, diagnostics); });
  check_addresses(model, given, diagnostics);
  const auto identity = find_identity(model.basic, diagnostics);
  if (identity) {
    check_rotation(model.basic, *identity, files, diagnostics);
  }
  return identity;
}

}  // namespace pingap::control
