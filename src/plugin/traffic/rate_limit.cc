// rate_limit: how much somebody may ask, by GCRA over all workers: a steady rate and a burst; and
// how much at once.
#include <algorithm>

#include <fmt/format.h>

#include "http/field_name.h"
#include "observe/count.h"
#include "observe/per_worker.h"
#include "plugin/traffic/inflight_table.h"
#include "plugin/traffic/kinds.h"
#include "plugin/traffic/rate_table.h"

namespace pingap::plugin {
namespace {

using Type = OptionInfo::Type;

struct Settings {
  Number rate;
  uint32_t burst = 0;
  milliseconds interval{1000};
  uint32_t inflight = 0;
  Located<std::string> key{"$remote_addr", {}};
  uint32_t max_keys = 100'000;
  bool headers = true;
  bool dry_run = false;
  uint32_t status = 429;
};

constexpr Option<Settings> kOptions[] = {
    {{"rate",
      "max",
      Type::number,
      "none",
      "requests in each `interval`; a fraction too",
      {},
      {0, 10'000'000}},
     &Settings::rate},
    {{"interval",
      "",
      Type::duration,
      "\"1s\"",
      "that `rate` is for; with `max` and `type = \"limit\"` 10s",
      {},
      {1, 0}},
     &Settings::interval},
    {{"burst",
      "",
      Type::integer,
      "the rate, at least 1",
      "requests that somebody who has been quiet may send at once",
      {},
      {1, 10'000'000}},
     &Settings::burst},
    {{"inflight",
      "",
      Type::integer,
      "no limit",
      "requests under way at a time",
      {},
      {1, 1'000'000}},
     &Settings::inflight},
    {{"key", "", Type::variable, "\"$remote_addr\"",
      "who is counted, in variables; addresses of IPv6 by their network of 64 bits"},
     &Settings::key},
    {{"max_keys",
      "",
      Type::integer,
      "100000",
      "clients that are told apart; more share an allowance. 32 bytes each",
      {},
      {1000, 10'000'000}},
     &Settings::max_keys},
    {{"headers", "", Type::boolean, "true", "tell clients by RateLimit fields what they have left"},
     &Settings::headers},
    {{"dry_run", "", Type::boolean, "false", "refuse nobody, only say so in the log"},
     &Settings::dry_run},
    {{"status", "", Type::integer, "429", "of the refusal", {}, {400, 599}}, &Settings::status},
};

// What is kept over reloads, as long as it is counted by the same key.
struct Tables {
  explicit Tables(size_t keys) : rates(keys) {}

  RateTable rates;
  InflightTable inflight;
};

// What `max` is for in a plugin of type "limit", as the original has it.
constexpr milliseconds kOriginalInterval{10'000};

// Requests that were let through in a dry run only.
using Spared = observe::PerWorker<observe::Count>;

constexpr int64_t kSecond = 1'000'000'000;

// As a String of structured fields (RFC 9651 3.3.3), which has no letters beyond ASCII.
std::string quoted_name(std::string name) {
  std::ranges::replace_if(name, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '_');
  return "\"" + name + "\"";
}

// Whole seconds, rounded up.
int64_t seconds(int64_t nanoseconds) noexcept {
  return (nanoseconds + kSecond - 1) / kSecond;
}

class RateLimit final : public Plugin {
 public:
  RateLimit(const std::string& name, Settings settings, exchange::Template key,
            std::shared_ptr<Tables> tables, std::shared_ptr<Spared> spared)
      : settings_(std::move(settings)),
        key_(std::move(key)),
        by_peer_(settings_.key.value == "$remote_addr"),
        by_client_(settings_.key.value == "$client_ip"),
        tables_(std::move(tables)),
        spared_(std::move(spared)) {
    if (settings_.rate.value > 0) {
      const auto interval = std::chrono::nanoseconds(settings_.interval).count();
      pace_.interval = std::max<int64_t>(
          1, static_cast<int64_t>(static_cast<double>(interval) / settings_.rate.value));
      pace_.depth = pace_.interval * settings_.burst;
      const std::string quoted = quoted_name(name);
      policy_ = fmt::format("{};q={};w={}", quoted, settings_.burst,
                            std::max<int64_t>(1, seconds(pace_.depth)));
      left_ = quoted + ";r=";
    }
  }

  uint8_t hooks() const noexcept override {
    uint8_t hooks = kRequest;
    hooks |= settings_.headers && pace_.interval > 0 ? kResponse : 0;
    return hooks | (settings_.inflight > 0 ? kEnd : 0);
  }

  Verdict on_request(Context& context) const noexcept override {
    Seen& seen = context.make<Seen>();
    context.state = &seen;
    seen.hash = hash_of(context.x);
    if (settings_.inflight > 0) {
      seen.counted = tables_->inflight.begin(seen.hash, settings_.inflight);
      if (!seen.counted) {
        return refuse(context, "too many requests at once", 0);
      }
    }
    if (pace_.interval > 0) {
      seen.decision = tables_->rates.ask(seen.hash, pace_, context.host.now());
      if (!seen.decision.passes) {
        return refuse(context, "too many requests", seen.decision.wait);
      }
    }
    return Verdict::next;
  }

  void on_response(Context& context) const noexcept override {
    const auto& seen = *static_cast<const Seen*>(context.state);
    http::HeaderMap& headers = context.x.response.headers;
    Arena& arena = context.x.arena;
    const int64_t left = (pace_.depth - seen.decision.used) / pace_.interval;
    append(headers, "RateLimit-Policy", policy_, arena);
    append(
        headers, "RateLimit",
        arena.concat(left_, number(left, arena), ";t=", number(seconds(seen.decision.used), arena)),
        arena);
  }

  void on_end(Context& context) const noexcept override {
    const auto& seen = *static_cast<const Seen*>(context.state);
    if (seen.counted) {
      tables_->inflight.end(seen.hash);
    }
  }

  std::vector<LeftOut> left_out() const override {
    uint64_t spared = 0;
    spared_->for_each([&](const observe::Count& one) { spared += one.get(); });
    return settings_.dry_run || spared > 0 ? std::vector<LeftOut>{{"dry_run", spared}}
                                           : std::vector<LeftOut>();
  }

  const std::shared_ptr<Spared>& spared() const noexcept { return spared_; }

  // For one that takes its place.
  std::shared_ptr<Tables> tables_for(const Settings& settings) const {
    return settings.key.value == settings_.key.value && settings.max_keys == tables_->rates.keys()
               ? tables_
               : nullptr;
  }

 private:
  struct Seen {
    uint64_t hash = 0;
    Decision decision{true, 0, 0};
    bool counted = false;
  };

  static std::string_view number(int64_t value, Arena& arena) noexcept {
    char* out = arena.make_array<char>(20);
    return {out, static_cast<size_t>(std::to_chars(out, out + 20, value).ptr - out)};
  }

  // To the list of the limits that have said so before: of this proxy, and of the backend.
  static void append(http::HeaderMap& headers, std::string_view name, std::string_view limit,
                     Arena& arena) noexcept {
    const std::string_view others = headers.get(name);
    headers.set(name, others.empty() ? limit : arena.concat(others, ", ", limit));
  }

  uint64_t hash_of(exchange::Exchange& x) const noexcept {
    if (by_peer_ || by_client_) {
      // A client of IPv6 has a whole network of addresses to walk through.
      const IpAddress& ip = by_peer_ ? x.peer_ip : x.client_ip;
      const size_t size = ip.size == 16 ? 8 : ip.size;
      return tables_->rates.hash({reinterpret_cast<const char*>(ip.bytes.data()), size});
    }
    return tables_->rates.hash(key_.render(x));
  }

  // Who has to wait for other requests of its own knows best how long they take.
  Verdict refuse(Context& context, std::string_view why, int64_t wait) const noexcept {
    exchange::Exchange& x = context.x;
    if (settings_.dry_run) {
      spared_->of(context.host.worker()).add();
      x.plugin_reason = why;
      return Verdict::next;
    }
    context.answer.headers = http::HeaderMap::copy({}, x.arena, 2);
    context.answer.headers.add(http::HeaderId::retry_after,
                               number(std::max<int64_t>(1, seconds(wait)), x.arena));
    return context.refuse(static_cast<uint16_t>(settings_.status), ErrorCode::rate_limited, why);
  }

  Settings settings_;
  exchange::Template key_;
  bool by_peer_;
  bool by_client_;
  Pace pace_{0, 0};
  std::string policy_;
  std::string left_;  // the start of what is left
  std::shared_ptr<Tables> tables_;
  std::shared_ptr<Spared> spared_;
};

// Of the original that counts by windows, and by one thing of a request.
constexpr config::Foreign kForeign[] = {
    {"tag",
     "write the variable as `key`: \"$client_ip\", \"$http_NAME\", \"$cookie_NAME\" or "
     "\"$arg_NAME\""},
    {"weight", "remove it: no windows are counted, but each request by its time"},
};

void warn_of_idle(const Settings& settings, const Making& making) {
  if (settings.rate.value <= 0) {
    for (const std::string_view one : {"interval", "burst", "headers"}) {
      warn_idle(making.entry, one, "without `rate`", making.reader);
    }
  }
}

std::shared_ptr<const Plugin> make(const Making& making) {
  config::Reader& reader = making.reader;
  Settings settings;
  if (making.entry.type.value == kRateLimit.alias && is_given(making.entry, "max")) {
    settings.interval = kOriginalInterval;
  }
  read_options(making.entry, kOptions, reader, settings, kForeign);
  warn_of_idle(settings, making);
  if (settings.rate.value <= 0 && settings.inflight == 0) {
    reader.error(making.entry.at, {"a limit without `rate` and without `inflight`", {}, {}});
  }
  if (settings.burst == 0) {
    settings.burst = static_cast<uint32_t>(std::max(1.0, settings.rate.value));
  }
  auto key = exchange::Template::compile(settings.key.value);
  if (!key) {
    reader.error(settings.key.at, {std::move(key.error()), {}, {}});
    return nullptr;
  }
  if (key->constant()) {
    reader.diagnostics().warning(making.entry.at, "`key` has no variable: all share one allowance");
  }
  const auto* before = dynamic_cast<const RateLimit*>(making.before);
  std::shared_ptr<Tables> tables = before == nullptr ? nullptr : before->tables_for(settings);
  if (tables == nullptr) {
    tables = std::make_shared<Tables>(settings.max_keys);
  }
  auto spared = before == nullptr ? std::make_shared<Spared>(making.workers) : before->spared();
  return std::make_shared<RateLimit>(making.entry.name, std::move(settings), std::move(*key),
                                     std::move(tables), std::move(spared));
}

}  // namespace

const Kind kRateLimit{"rate_limit",
                      "limit",
                      "limits requests by rate and by number at a time",
                      Phase::limit,
                      describe_options<kOptions>,
                      make};

}  // namespace pingap::plugin
