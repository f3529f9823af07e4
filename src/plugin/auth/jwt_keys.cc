#include "plugin/auth/jwt_keys.h"

#include <algorithm>
#include <atomic>

#include "config/read_file.h"
#include "plugin/swapped.h"

namespace pingap::plugin {
namespace {

constexpr size_t kMaxFile = 1 << 20;

uint64_t next_version() noexcept {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

class FixedKeys final : public JwtKeySource {
 public:
  explicit FixedKeys(std::shared_ptr<const JwtKeys> keys) : keys_(std::move(keys)) {}

  const JwtKeys* keys(uint32_t /*worker*/) const override { return keys_.get(); }

 private:
  std::shared_ptr<const JwtKeys> keys_;
};

class FileKeys final : public JwtKeySource {
 public:
  FileKeys(FileWatch::Settings watched, std::shared_ptr<const JwtKeys> first, uint32_t workers)
      : path_(watched.path),
        keys_(workers, std::move(first)),
        watch_(std::move(watched), [this] { return read(); }) {}

  const JwtKeys* keys(uint32_t worker) const override { return keys_.of(worker); }

 private:
  // Background.
  tl::expected<void, std::string> read() {
    auto next = read_jwks_file(path_);
    if (!next) {
      return tl::unexpected(std::move(next.error()));
    }
    keys_.publish(std::move(*next));
    return {};
  }

  const std::string path_;
  Swapped<JwtKeys> keys_;
  FileWatch watch_;  // the first to go
};

}  // namespace

JwtKeys::JwtKeys(std::vector<JwtKey> list, bool ids)
    : keys(std::move(list)), by_id(ids), version(next_version()) {
}

// The id only chooses among what is configured, by its exact text (RFC 7515 4.1.4). Several of one
// id are told apart by their kind. Without one there must be no choice.
const JwtKey* JwtKeys::find(const JwtAlgorithm& algorithm, bool has_id,
                            std::string_view id) const noexcept {
  const JwtKey* found = nullptr;
  for (const JwtKey& key : keys) {
    if (!key.allows(algorithm) || !key.fits(algorithm) || (by_id && has_id && key.id() != id)) {
      continue;
    }
    if (found != nullptr) {
      return nullptr;
    }
    found = &key;
  }
  return found != nullptr && by_id && !has_id && keys.size() > 1 ? nullptr : found;
}

std::shared_ptr<JwtKeySource> fixed_keys(std::shared_ptr<const JwtKeys> keys) {
  return std::make_shared<FixedKeys>(std::move(keys));
}

tl::expected<std::shared_ptr<const JwtKeys>, std::string> read_jwks_file(const std::string& path) {
  auto text = config::read_file(path, kMaxFile);
  if (!text) {
    return tl::unexpected(std::move(text.error()));
  }
  auto keys = read_jwks(*text);
  if (!keys) {
    return tl::unexpected<std::string>("it is no set of keys (RFC 7517): {\"keys\": [...]}");
  }
  if (keys->empty()) {
    return tl::unexpected<std::string>("no key in it can be used");
  }
  return std::make_shared<const JwtKeys>(std::move(*keys), true);
}

std::shared_ptr<JwtKeySource> file_keys(FileWatch::Settings watched,
                                        std::shared_ptr<const JwtKeys> first, uint32_t workers) {
  return std::make_shared<FileKeys>(std::move(watched), std::move(first), workers);
}

}  // namespace pingap::plugin
