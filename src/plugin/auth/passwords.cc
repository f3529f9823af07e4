#include "plugin/auth/passwords.h"

#include <atomic>
#include <crypt.h>
#include <memory>

#include <fmt/format.h>
#include <openssl/crypto.h>

#include "base/strings.h"
#include "config/suggest.h"
#include "plugin/auth/argon2id.h"

namespace pingap::plugin {
namespace {

constexpr size_t kMaxName = 256;             // bytes
constexpr uint64_t kMostBcrypt = 15;         // cost: some seconds
constexpr uint64_t kMostRounds = 5'000'000;  // of SHA-crypt: the same
constexpr std::string_view kHowTo = "make one by: htpasswd -nB NAME, or mkpasswd -m yescrypt";

uint64_t next_version() noexcept {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

// What is between the n-th and the next dollar sign.
std::string_view part(std::string_view hash, size_t n) noexcept {
  for (; n > 0 && !hash.empty(); --n) {
    const size_t dollar = hash.find('$');
    hash.remove_prefix(dollar == std::string_view::npos ? hash.size() : dollar + 1);
  }
  return hash.substr(0, hash.find('$'));
}

// One check of it would hold a thread for longer than anybody waits.
bool is_too_dear(std::string_view hash) noexcept {
  constexpr std::string_view kRounds = "rounds=";
  if (hash.starts_with("$2")) {
    return parse_decimal(part(hash, 2)).value_or(kMostBcrypt + 1) > kMostBcrypt;
  }
  const std::string_view options = part(hash, 2);
  return (hash.starts_with("$5$") || hash.starts_with("$6$")) && options.starts_with(kRounds) &&
         parse_decimal(options.substr(kRounds.size())).value_or(kMostRounds + 1) > kMostRounds;
}

// Empty: it can be used.
std::string fault_of(const std::string& hash) {
  if (is_argon2(hash)) {
    return fault_of_argon2(hash);
  }
  for (const std::string_view weak : {"$apr1$", "$1$", "$md5", "$sha1$", "$3$"}) {
    if (hash.starts_with(weak)) {
      return fmt::format("a hash of the kind {} is too weak; {}", weak, kHowTo);
    }
  }
  const int known = ::crypt_checksalt(hash.c_str());
  if (known != CRYPT_SALT_OK && known != CRYPT_SALT_METHOD_LEGACY) {
    return fmt::format("this system knows no hash of that kind; {}", kHowTo);
  }
  return is_too_dear(hash) ? "a hash takes too long to check: bcrypt up to a cost of 15, SHA-crypt "
                             "up to 5000000 rounds"
                           : std::string();
}

// crypt() needs a lot of room.
struct Room {
  std::unique_ptr<crypt_data> data = std::make_unique<crypt_data>();

  ~Room() { OPENSSL_cleanse(data.get(), sizeof(crypt_data)); }
};

}  // namespace

PasswordTable::PasswordTable() : version_(next_version()) {
}

tl::expected<void, std::string> PasswordTable::add(std::string_view line, Plain plain) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon > kMaxName) {
    return tl::unexpected<std::string>("a user is \"NAME:HASH\"");
  }
  const std::string name(line.substr(0, colon));
  const std::string secret(line.substr(colon + 1));
  if (secret.empty()) {
    return tl::unexpected(fmt::format("{} has no password", config::quote(name)));
  }
  User user;
  if (secret.starts_with('$')) {
    if (std::string fault = fault_of(secret); !fault.empty()) {
      return tl::unexpected(fmt::format("{}: {}", config::quote(name), fault));
    }
    user.hash = secret;
    hashes_.push_back(secret);
  } else if (plain == Plain::refused || secret.starts_with("{SHA}")) {
    return tl::unexpected(fmt::format("{}: what stands behind the colon is no hash; {}",
                                      config::quote(name), kHowTo));
  } else {
    user.plain = keyed_digest(secret);
  }
  if (!users_.try_emplace(name, std::move(user)).second) {
    return tl::unexpected(fmt::format("{} is there twice", config::quote(name)));
  }
  return {};
}

tl::expected<void, std::string> PasswordTable::add_file(std::string_view text) {
  size_t number = 0;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++number;
    if (line.ends_with('\r')) {
      line.remove_suffix(1);
    }
    line = trim(line);
    if (line.empty() || line.front() == '#') {
      continue;
    }
    if (auto added = add(line, Plain::refused); !added) {
      return tl::unexpected(fmt::format("line {}: {}", number, added.error()));
    }
  }
  return {};
}

// The same one each time, so that a name is as slow as another, and always so.
std::string_view PasswordTable::somebodys_hash(std::string_view user) const noexcept {
  return hashes_.empty() ? std::string_view{}
                         : std::string_view(hashes_[Hash()(user) % hashes_.size()]);
}

PasswordTable::Decision PasswordTable::look(std::string_view user,
                                            std::string_view password) const noexcept {
  const auto found = users_.find(user);
  if (found == users_.end()) {
    return {.hash = somebodys_hash(user)};
  }
  if (!found->second.hash.empty()) {
    return {.hash = found->second.hash, .counts = true};
  }
  if (same(found->second.plain, keyed_digest(password))) {
    return {.passes = true};
  }
  return {.hash = somebodys_hash(user)};
}

bool matches(const std::string& password, const std::string& hash) noexcept {
  if (is_argon2(hash)) {
    return matches_argon2(password, hash);
  }
  thread_local Room room;
  const char* made = ::crypt_r(password.c_str(), hash.c_str(), room.data.get());
  const bool good = made != nullptr && made[0] != '*' && same_secret(made, hash);
  OPENSSL_cleanse(room.data.get(), sizeof(crypt_data));
  return good;
}

}  // namespace pingap::plugin
