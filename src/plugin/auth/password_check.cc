#include "plugin/auth/password_check.h"

#include <algorithm>

#include <openssl/crypto.h>

namespace pingap::plugin {
namespace {

constexpr std::ptrdiff_t kMostOfClient = 16;
constexpr size_t kMostKnown = 4096;

// A client of IPv6 has a whole network of addresses.
IpAddress network_of(IpAddress ip) noexcept {
  if (ip.size == 16) {
    std::fill(ip.bytes.begin() + 8, ip.bytes.end(), 0);
  }
  return ip;
}

}  // namespace

bool PasswordCheck::enter(const IpAddress& client) {
  const std::lock_guard lock(mutex_);
  if (std::ranges::count(waiting_, client) >= kMostOfClient) {
    return false;
  }
  waiting_.push_back(client);
  return true;
}

void PasswordCheck::leave(const IpAddress& client) {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(waiting_, client);
  *found = waiting_.back();
  waiting_.pop_back();
}

bool PasswordCheck::submit(PasswordJob job) {
  job.client = network_of(job.client);
  if (!enter(job.client)) {
    return false;
  }

  // Also one that is never run has left.
  struct Entered {
    std::shared_ptr<PasswordCheck> owner;
    PasswordJob job;

    Entered(std::shared_ptr<PasswordCheck> by, PasswordJob what)
        : owner(std::move(by)), job(std::move(what)) {}

    Entered(const Entered&) = delete;
    Entered& operator=(const Entered&) = delete;

    ~Entered() {
      OPENSSL_cleanse(job.password.data(), job.password.size());
      owner->leave(job.client);
    }
  };

  auto entered = std::make_shared<Entered>(shared_from_this(), std::move(job));
  return Background::instance().submit([entered] { entered->owner->run(entered->job); });
}

// Background.
void PasswordCheck::run(PasswordJob& job) noexcept {
  std::optional<bool> good = recall(job);
  if (!good) {
    const bool fits = matches(job.password, job.hash);
    good = fits && job.counts;
    remember(job, *good);
  }
  job.request->resume([set = job.set, result = *good](void* state) { set(state, result); });
}

std::optional<bool> PasswordCheck::recall(const PasswordJob& job) {
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(job.digest);
  if (found == known_.end() || found->second.version != job.version ||
      found->second.until < steady_now()) {
    return std::nullopt;
  }
  return found->second.good;
}

void PasswordCheck::remember(const PasswordJob& job, bool good) {
  const TimePoint now = steady_now();
  const std::lock_guard lock(mutex_);
  if (known_.size() >= kMostKnown) {
    std::erase_if(known_, [&](const auto& one) { return one.second.until < now; });
  }
  // Guesses do not drive out what is right.
  if (known_.size() >= kMostKnown && good) {
    known_.erase(known_.begin());
  }
  if (known_.size() < kMostKnown) {
    known_[job.digest] = {job.version, now + kPasswordRemembered, good};
  }
}

}  // namespace pingap::plugin
