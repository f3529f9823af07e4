#include "control/privileges.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/file_access.h"
#include "net/fd.h"

namespace pingap::control {
namespace {

// What the child tells: errno of become(), then a byte for each path.
std::string act_as(const Identity& identity, std::span<const std::string> paths) {
  const int error = become(identity);
  std::string told(1, static_cast<char>(error));
  for (const std::string& path : paths) {
    told += static_cast<char>(error == 0 && try_to_create(path) == 0);
  }
  return told;
}

std::string read_all(int fd) {
  std::string all;
  char room[256];
  ssize_t got = 0;
  while ((got = ::read(fd, room, sizeof(room))) > 0 || (got < 0 && errno == EINTR)) {
    all.append(room, static_cast<size_t>(std::max<ssize_t>(got, 0)));
  }
  return all;
}

}  // namespace

std::optional<Identity> find_identity(const config::Basic& basic,
                                      config::Diagnostics& diagnostics) {
  const auto& user = basic.user;
  const auto& group = basic.group;
  if (user.value.empty() && group.value.empty()) {
    return std::nullopt;
  }
  if (::geteuid() != 0) {
    diagnostics.warning(user.value.empty() ? group.at : user.at,
                        "`user` and `group` are ignored: only root can become somebody else");
    return std::nullopt;
  }
  Identity identity{::getuid(), ::getgid()};
  if (!user.value.empty()) {
    const passwd* entry = ::getpwnam(user.value.c_str());  // NOLINT(concurrency-mt-unsafe)
    if (entry == nullptr) {
      diagnostics.error(user.at, fmt::format("there is no user `{}` on this machine", user.value));
      return std::nullopt;
    }
    identity = {entry->pw_uid, entry->pw_gid};
  }
  if (!group.value.empty()) {
    const struct ::group* entry = ::getgrnam(group.value.c_str());  // NOLINT(concurrency-mt-unsafe)
    if (entry == nullptr) {
      diagnostics.error(group.at,
                        fmt::format("there is no group `{}` on this machine", group.value));
      return std::nullopt;
    }
    identity.gid = entry->gr_gid;
  }
  return identity;
}

int become(const Identity& identity) noexcept {
  const auto [uid, gid] = identity;
  if (::setgroups(0, nullptr) != 0 || ::setresgid(gid, gid, gid) != 0 ||
      ::setresuid(uid, uid, uid) != 0) {
    return errno;
  }
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  return 0;
}

Rehearsal rehearse(const Identity& identity, std::span<const std::string> paths) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return {errno, {}};
  }
  const net::Fd read_end(ends[0]);
  net::Fd write_end(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) {
    return {errno, {}};
  }
  if (child == 0) {
    const std::string told = act_as(identity, paths);
    const ssize_t put = ::write(write_end.get(), told.data(), told.size());
    ::_exit(put == static_cast<ssize_t>(told.size()) ? 0 : 1);
  }
  write_end.reset();
  const std::string told = read_all(read_end.get());
  ::waitpid(child, nullptr, 0);
  Rehearsal seen;
  seen.error = told.size() == paths.size() + 1 ? static_cast<unsigned char>(told[0]) : EIO;
  for (size_t i = 0; seen.error == 0 && i < paths.size(); ++i) {
    seen.writes.push_back(told[i + 1] != 0);
  }
  return seen;
}

}  // namespace pingap::control
