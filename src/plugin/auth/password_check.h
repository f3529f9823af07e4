// Passwords checked in the background, by the table that is in use: what costs is bounded, in all
// and by client, and remembered for a while.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/ip.h"
#include "plugin/auth/passwords.h"
#include "plugin/background.h"
#include "plugin/plugin.h"
#include "plugin/swapped.h"

namespace pingap::plugin {

struct PasswordJob {
  uint64_t version;  // of the table
  Digest digest;     // of name and password
  std::string password;
  std::string hash;
  bool counts;
  IpAddress client;
  std::shared_ptr<Continuation> request;
  // Called on the request's worker.
  void (*set)(void* state, bool good);
};

class PasswordCheck : public std::enable_shared_from_this<PasswordCheck> {
 public:
  PasswordCheck(uint32_t workers, std::shared_ptr<const PasswordTable> table)
      : table_(workers, std::move(table)) {}

  Swapped<PasswordTable>& table() noexcept { return table_; }

  // Worker. False: too many wait, of this client or in all; then nothing will be called.
  bool submit(PasswordJob job);

 private:
  struct Known {
    uint64_t version;
    TimePoint until;
    bool good;
  };

  void run(PasswordJob& job) noexcept;
  bool enter(const IpAddress& client);
  void leave(const IpAddress& client);
  std::optional<bool> recall(const PasswordJob& job);
  void remember(const PasswordJob& job, bool good);

  Swapped<PasswordTable> table_;
  std::mutex mutex_;
  std::vector<IpAddress> waiting_;  // whose jobs wait or run
  std::unordered_map<Digest, Known, DigestHash> known_;
};

// How long what was found is believed.
inline constexpr Duration kPasswordRemembered = std::chrono::seconds(60);

}  // namespace pingap::plugin
