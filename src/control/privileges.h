// Who the process becomes once its sockets and files are open. Control thread, before any other.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <sys/types.h>
#include <vector>

#include "config/diagnostics.h"
#include "config/model.h"

namespace pingap::control {

struct Identity {
  uid_t uid;
  gid_t gid;
};

// Of `user` and `group`; nothing where the process stays who it is. What is wrong with them goes
// to `diagnostics`.
std::optional<Identity> find_identity(const config::Basic& basic, config::Diagnostics& diagnostics);

// Gives up what the process is, for good. 0 or errno.
int become(const Identity& identity) noexcept;

struct Rehearsal {
  int error = 0;             // of become()
  std::vector<bool> writes;  // for each path: a file may be created beside it afterwards
};

// Tries both in a child, so that the process stays who it is.
Rehearsal rehearse(const Identity& identity, std::span<const std::string> paths);

}  // namespace pingap::control
