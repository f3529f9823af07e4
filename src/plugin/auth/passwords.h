// Who may come by a password: names with hashes of crypt(3) (bcrypt, SHA-crypt, yescrypt, scrypt)
// and of argon2id or, in the configuration only, passwords.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <tl/expected.hpp>

#include "plugin/keyed_digest.h"

namespace pingap::plugin {

// Immutable once built; any thread.
class PasswordTable {
 public:
  PasswordTable();

  // "NAME:HASH" or, where `plain` is allowed, "NAME:PASSWORD". The error shows no secret.
  enum class Plain : bool { refused, allowed };
  tl::expected<void, std::string> add(std::string_view line, Plain plain);
  // Lines of that form; blank ones and those that start with '#' are nothing. The error has the
  // line's number.
  tl::expected<void, std::string> add_file(std::string_view text);

  bool empty() const noexcept { return users_.empty(); }

  uint64_t version() const noexcept { return version_; }  // of no other in this process

  struct Decision {
    bool passes = false;
    // Where it takes long to decide: the hash to ask matches() about; else empty. For a name that
    // is not there it is somebody's, so that it takes as long; `passes` stays false then.
    std::string_view hash = {};
    bool counts = false;  // whether that decides
  };

  Decision look(std::string_view user, std::string_view password) const noexcept;

 private:
  struct User {
    std::string hash;  // empty: plain
    Digest plain{};
  };

  struct Hash {
    using is_transparent = void;

    size_t operator()(std::string_view text) const noexcept {
      return DigestHash()(keyed_digest(text));
    }
  };

  std::string_view somebodys_hash(std::string_view user) const noexcept;

  std::unordered_map<std::string, User, Hash, std::equal_to<>> users_;
  std::vector<std::string> hashes_;
  uint64_t version_;
};

// Whether the password is the one of the hash. Takes as long as that is meant to: never on a
// worker.
bool matches(const std::string& password, const std::string& hash) noexcept;

}  // namespace pingap::plugin
