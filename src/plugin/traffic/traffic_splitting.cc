// traffic_splitting: which of several upstreams a request goes to, by weights; the same one again
// for who comes back.
#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/hash.h"
#include "config/suggest.h"
#include "config/syntax.h"
#include "http/params.h"
#include "plugin/random.h"
#include "plugin/traffic/kinds.h"

namespace pingap::plugin {
namespace {

using Type = OptionInfo::Type;

constexpr int64_t kMostWeight = 1'000'000;

struct Settings {
  const config::Value* weights = nullptr;
  exchange::Template key;
  Located<std::string> cookie;
  milliseconds ttl{0};
};

constexpr Option<Settings> kOptions[] = {
    {{"weights", "", Type::numbers, "required",
      "names of upstreams, each with its share: { blue = 95, green = 5 }"},
     &Settings::weights},
    {{"key", "", Type::variable, "none",
      "requests with the same value go the same way, such as \"$client_ip\""},
     &Settings::key},
    {{"sticky_cookie", "", Type::text, "none",
      "instead of a key: the name of a cookie that clients come back the same way with"},
     &Settings::cookie},
    {{"sticky_ttl", "", Type::duration, "the browser's session", "how long they do"},
     &Settings::ttl},
};

struct Branch {
  std::string upstream;
  uint64_t weight;
  std::string token;   // what stands for it in the cookie
  std::string cookie;  // Set-Cookie
  std::string secure_cookie;
};

class TrafficSplitting final : public Plugin {
 public:
  TrafficSplitting(std::vector<Branch> branches, Settings settings, uint64_t salt) noexcept
      : branches_(std::move(branches)),
        cookie_(std::move(settings.cookie.value)),
        key_(std::move(settings.key)),
        has_key_(!key_.constant()),
        salt_(salt) {
    for (const Branch& one : branches_) {
      total_ += one.weight;
    }
  }

  uint8_t hooks() const noexcept override {
    return cookie_.empty() ? kRequest : kRequest | kResponse;
  }

  Verdict on_request(Context& context) const noexcept override {
    const Branch* branch = known(context.x);
    if (branch == nullptr) {
      branch = &at(place_of(context.x) % total_);
      context.state = const_cast<Branch*>(branch);  // to be told; it is only read
    }
    context.host.choose_upstream(branch->upstream);
    return Verdict::next;
  }

  void on_response(Context& context) const noexcept override {
    if (const auto* branch = static_cast<const Branch*>(context.state)) {
      http::HeaderMap& headers = context.x.response.headers;
      headers = http::HeaderMap::copy(headers, context.x.arena, 1);
      headers.add(http::HeaderId::set_cookie,
                  context.x.scheme == "https" ? branch->secure_cookie : branch->cookie);
    }
  }

 private:
  // The one that the client comes back to. Nobody comes back to what gets nothing any more.
  const Branch* known(const exchange::Exchange& x) const noexcept {
    std::string_view value;
    if (cookie_.empty() || !http::find_cookie(x.request.headers, cookie_, value)) {
      return nullptr;
    }
    const auto found = std::ranges::find(branches_, value, &Branch::token);
    return found == branches_.end() || found->weight == 0 ? nullptr : &*found;
  }

  uint64_t place_of(exchange::Exchange& x) const noexcept {
    const std::string_view value = has_key_ ? key_.render(x) : std::string_view();
    return value.empty() ? random_bits() : mix64(hash64(value) ^ salt_);
  }

  const Branch& at(uint64_t place) const noexcept {
    const Branch* branch = branches_.data();
    while (place >= branch->weight) {
      place -= branch->weight;
      ++branch;
    }
    return *branch;
  }

  std::vector<Branch> branches_;
  std::string cookie_;
  exchange::Template key_;
  bool has_key_;
  uint64_t salt_;  // so that two plugins do not split the same way
  uint64_t total_ = 0;
};

std::vector<Branch> read_branches(const Making& making, const config::Value& weights) {
  std::vector<Branch> branches;
  uint64_t total = 0;
  for (const config::Member& member : weights.members) {
    const auto weight =
        making.reader.integer({member.key, member.at, member.value}, {0, kMostWeight});
    if (!weight) {
      continue;
    }
    if (making.upstreams != nullptr) {
      making.upstreams->push_back({member.key, member.at});
    }
    total += static_cast<uint64_t>(*weight);
    branches.push_back({member.key,
                        static_cast<uint64_t>(*weight),
                        fmt::format("{:016x}", hash64("split " + member.key)),
                        {},
                        {}});
  }
  if (total == 0) {
    making.reader.error(weights.at, {"`weights` has no upstream that gets anything", {}, {}});
  }
  return branches;
}

void write_cookies(const Settings& settings, std::vector<Branch>& branches) {
  std::string attributes = "; Path=/; HttpOnly; SameSite=Lax";
  if (settings.ttl > milliseconds::zero()) {
    attributes += fmt::format(
        "; Max-Age={}", std::chrono::duration_cast<std::chrono::seconds>(settings.ttl).count());
  }
  for (Branch& branch : branches) {
    branch.cookie = settings.cookie.value + "=" + branch.token + attributes;
    branch.secure_cookie = branch.cookie + "; Secure";
  }
}

// Of the original, where a part of the requests leaves the location's upstream.
constexpr config::Foreign kForeign[] = {
    {"upstream", "name it and the location's own in `weights`: { blue = 95, green = 5 }"},
    {"weight", "write it into `weights`, beside what is left: { blue = 95, green = 5 }"},
    {"stickiness", "remove it: clients come back by `key` or by `sticky_cookie`"},
    {"sticky_header", "write `key = \"$http_NAME\"`"},
    {"matcher", "write it as `when`, with `match_headers` or `match_cookies`"},
};

std::shared_ptr<const Plugin> make(const Making& making) {
  Settings settings;
  read_options(making.entry, kOptions, making.reader, settings, kForeign);
  if (settings.cookie.value.empty()) {
    warn_idle(making.entry, "sticky_ttl", "without `sticky_cookie`", making.reader);
  }
  if (settings.weights == nullptr) {
    return nullptr;
  }
  std::vector<Branch> branches = read_branches(making, *settings.weights);
  if (!settings.cookie.value.empty()) {
    making.reader.check(settings.cookie.at, config::check_header_name(settings.cookie.value));
    if (!settings.key.constant()) {
      making.reader.error(
          making.entry.at,
          {"clients come back by `key` or by `sticky_cookie`, not by both", {}, {}});
    }
    write_cookies(settings, branches);
  }
  return std::make_shared<TrafficSplitting>(std::move(branches), std::move(settings),
                                            hash64(making.entry.name));
}

}  // namespace

const Kind kTrafficSplitting{"traffic_splitting",
                             "",
                             "sends requests to one of several upstreams by weights",
                             Phase::traffic,
                             describe_options<kOptions>,
                             make};

}  // namespace pingap::plugin
