// Keys from a server (RFC 7517), looked for in the background.
#include <mutex>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "base/trouble.h"
#include "plugin/auth/jwt_keys.h"
#include "plugin/background.h"
#include "plugin/swapped.h"

namespace pingap::plugin {
namespace {

using std::chrono::seconds;

constexpr size_t kMaxBody = 256 * 1024;
constexpr seconds kTimeout{5};
constexpr size_t kMostWaiting = 1024;    // requests; the others are refused at once
constexpr Duration kTick = seconds(1);   // how often it is looked whether it is time
constexpr Duration kAgain = seconds(5);  // after a failure, while there is something to wait for

// Lives as long as an answer may come.
class Remote : public std::enable_shared_from_this<Remote> {
 public:
  Remote(RemoteKeysSettings settings, Fetcher& fetcher, uint32_t workers)
      : settings_(std::move(settings)),
        fetcher_(fetcher),
        keys_(workers, nullptr),
        trouble_(Trouble::Part::plugin, settings_.plugin) {}

  const JwtKeys* keys(uint32_t worker) const { return keys_.of(worker); }

  const RemoteKeysSettings& settings() const noexcept { return settings_; }

  // Background.
  void tick(TimePoint now) {
    std::unique_lock lock(mutex_);
    if (has_keys_ && now - fetched_ > settings_.max_age) {
      has_keys_ = false;
      keys_.publish(nullptr);
      PINGAP_LOG(error, "the keys of {} are too old to be used", settings_.url);
    }
    const bool due = !tried_ || (has_keys_ && now - fetched_ >= settings_.refresh) || !has_keys_;
    if (due && !under_way_ && (!tried_ || now - *tried_ >= kAgain)) {
      fetch(lock, now);
    }
  }

  bool may_have_news(TimePoint now) {
    const std::lock_guard lock(mutex_);
    return under_way_ || is_time(now);
  }

  bool join(const std::shared_ptr<Continuation>& request, TimePoint now) {
    std::unique_lock lock(mutex_);
    if (waiting_.size() >= kMostWaiting || (!under_way_ && !is_time(now))) {
      return false;
    }
    waiting_.push_back(request);
    if (!under_way_) {
      fetch(lock, now);
    }
    return true;
  }

 private:
  // Of each kind of trouble once: it is tried again every few seconds.
  void tell(const std::string& fault) {
    if (fault.empty()) {
      if (!std::exchange(told_, {}).empty()) {
        PINGAP_LOG(info, "got the keys of {} again", settings_.url);
      }
      trouble_.end();
      return;
    }
    if (std::exchange(told_, fault) != fault) {
      PINGAP_LOG(error, "cannot get the keys of {}: {}", settings_.url, fault);
    }
    trouble_.begin(fmt::format("cannot get the keys of {}: {}", settings_.url, fault));
  }

  bool is_time(TimePoint now) const noexcept {
    return !tried_ || now - *tried_ >= (has_keys_ ? Duration(settings_.cooldown) : kAgain);
  }

  void fetch(std::unique_lock<std::mutex>& lock, TimePoint now) {
    under_way_ = true;
    tried_ = now;
    lock.unlock();
    fetcher_.get({settings_.url, kMaxBody, kTimeout},
                 [weak = weak_from_this()](tl::expected<std::string, std::string> body) {
                   if (const auto self = weak.lock()) {
                     self->on_answer(std::move(body));
                   }
                 });
  }

  // The fetcher's thread.
  void on_answer(tl::expected<std::string, std::string> body) {
    std::shared_ptr<const JwtKeys> made;
    std::string fault;
    if (!body) {
      fault = std::move(body.error());
    } else if (auto keys = read_jwks(*body); keys && !keys->empty()) {
      made = std::make_shared<const JwtKeys>(std::move(*keys), true);
    } else {
      fault = keys ? "no key in the answer can be used" : "the answer is no set of keys";
    }
    tell(fault);
    std::vector<std::shared_ptr<Continuation>> waiting;
    {
      const std::lock_guard lock(mutex_);
      under_way_ = false;
      if (made != nullptr) {
        keys_.publish(std::move(made));
        has_keys_ = true;
        fetched_ = steady_now();
      }
      waiting.swap(waiting_);
    }
    for (const auto& one : waiting) {
      one->resume({});
    }
  }

  const RemoteKeysSettings settings_;
  Fetcher& fetcher_;
  Swapped<JwtKeys> keys_;
  std::string told_;  // what there was to say last; the fetcher's thread
  Trouble trouble_;   // the same
  std::mutex mutex_;
  bool has_keys_ = false;
  bool under_way_ = false;
  TimePoint fetched_{};
  std::optional<TimePoint> tried_;
  std::vector<std::shared_ptr<Continuation>> waiting_;
};

class RemoteKeys final : public JwtKeySource {
 public:
  RemoteKeys(RemoteKeysSettings settings, Fetcher& fetcher, uint32_t workers)
      : remote_(std::make_shared<Remote>(std::move(settings), fetcher, workers)),
        watch_(Background::instance().repeat(kTick,
                                             [remote = remote_] { remote->tick(steady_now()); })) {}

  const JwtKeys* keys(uint32_t worker) const override { return remote_->keys(worker); }

  bool is_of(const RemoteKeysSettings& settings) const override {
    return remote_->settings() == settings;
  }

  bool may_have_news(TimePoint now) const override { return remote_->may_have_news(now); }

  bool join(const std::shared_ptr<Continuation>& request, TimePoint now) const override {
    return remote_->join(request, now);
  }

 private:
  std::shared_ptr<Remote> remote_;
  std::unique_ptr<Background::Repeated> watch_;
};

}  // namespace

std::shared_ptr<JwtKeySource> remote_keys(RemoteKeysSettings settings, Fetcher& fetcher,
                                          uint32_t workers) {
  return std::make_shared<RemoteKeys>(std::move(settings), fetcher, workers);
}

}  // namespace pingap::plugin
