// Where the keys for tokens come from: the configuration, a file or a server.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "plugin/auth/jwt_algorithm.h"
#include "plugin/fetch.h"
#include "plugin/file_watch.h"
#include "plugin/plugin.h"

namespace pingap::plugin {

// Immutable; any thread.
struct JwtKeys {
  // `by_id`: a token says which one; else there is one, whatever a token says.
  JwtKeys(std::vector<JwtKey> list, bool by_id);

  // The key for a token; null where there is none.
  const JwtKey* find(const JwtAlgorithm& algorithm, bool has_id,
                     std::string_view id) const noexcept;

  std::vector<JwtKey> keys;
  bool by_id;
  uint64_t version;  // of no other in this process
};

struct RemoteKeysSettings {
  std::string plugin;  // its name
  std::string url;
  std::chrono::milliseconds refresh;   // how often they are looked for
  std::chrono::milliseconds max_age;   // of keys that are used while the server fails
  std::chrono::milliseconds cooldown;  // between looks for the sake of a missing key

  bool operator==(const RemoteKeysSettings&) const = default;
};

class JwtKeySource {
 public:
  virtual ~JwtKeySource() = default;

  // What there is for that worker, until its next call; null: nothing yet. Worker.
  virtual const JwtKeys* keys(uint32_t worker) const = 0;

  // It may go on for another plugin that wants these.
  virtual bool is_of(const RemoteKeysSettings& /*settings*/) const { return false; }

  // A key is missing. False: nothing is to be expected; else the request may wait by join().
  virtual bool may_have_news(TimePoint /*now*/) const { return false; }

  // Resumes the request when there is something new, or is not. False: too many wait.
  virtual bool join(const std::shared_ptr<Continuation>& /*request*/, TimePoint /*now*/) const {
    return false;
  }
};

std::shared_ptr<JwtKeySource> fixed_keys(std::shared_ptr<const JwtKeys> keys);

// Reads a file of a set of keys (RFC 7517 5); the error says what is wrong. Blocks.
tl::expected<std::shared_ptr<const JwtKeys>, std::string> read_jwks_file(const std::string& path);

// `first` is what read_jwks_file() gave of the file that is watched.
std::shared_ptr<JwtKeySource> file_keys(FileWatch::Settings watched,
                                        std::shared_ptr<const JwtKeys> first, uint32_t workers);

// From a server: in time, and when a token has a key that is not there. One request at a time. What
// fails changes nothing until the keys are too old.
std::shared_ptr<JwtKeySource> remote_keys(RemoteKeysSettings settings, Fetcher& fetcher,
                                          uint32_t workers);

}  // namespace pingap::plugin
