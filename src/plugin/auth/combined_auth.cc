// combined_auth: an application says who it is and when, and proves by a hash that it knows its
// secret: ?app_id=ID&ts=SECONDS&digest=HEX, of SHA-256("SECRET:SECONDS"). Who sees such a target
// can use it until it is too old: only for TLS, and with a short deviation.
#include <algorithm>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/suggest.h"
#include "config/syntax.h"
#include "plugin/auth/credentials.h"
#include "plugin/auth/kinds.h"
#include "plugin/keyed_digest.h"
#include "plugin/security/ip_set.h"

namespace pingap::plugin {
namespace {

using Type = OptionInfo::Type;
using config::Member;
using config::Value;
using config::ValueKind;

constexpr int64_t kMostDeviation = 86'400;  // seconds

struct Settings {
  const Value* authorizations = nullptr;
  bool hide = false;
  std::vector<config::FieldMatch> set_headers;
  milliseconds delay{0};
};

constexpr Option<Settings> kOptions[] = {
    {{"authorizations", "", Type::entries, "required",
      "tables with `app_id`, `secret`, `ip_list` (who may come; all) and `deviation` (seconds that "
      "a time may be off)"},
     &Settings::authorizations},
    {{"hide_credentials", "", Type::boolean, "false",
      "the backend does not see app_id, ts and digest"},
     &Settings::hide},
    {{"set_headers", "", Type::pairs, "none",
      "\"Name: value\": fields for the backend, such as \"X-App: $auth_app_id\"; a client's own "
      "are "
      "removed"},
     &Settings::set_headers},
    {{"delay", "", Type::duration, "none", "before a refusal"}, &Settings::delay},
};

struct App {
  std::string id;
  std::string secret;  // "*": the address says enough
  IpSet ips;
  int64_t deviation = 0;
};

class AppReader {
 public:
  explicit AppReader(config::Reader& reader) : reader_(reader) {}

  std::vector<App> read(const Value& list) {
    std::vector<App> apps;
    for (const Value& item : list.items) {
      if (item.kind != ValueKind::table) {
        fail(item.at, "an application is a table", R"({ app_id = "...", secret = "..." })");
        continue;
      }
      App app = read_app(item);
      if (std::ranges::any_of(apps, [&](const App& one) { return one.id == app.id; })) {
        fail(item.at, fmt::format("the application {} is there twice", config::quote(app.id)));
      }
      apps.push_back(std::move(app));
    }
    return apps;
  }

 private:
  void fail(Position at, std::string what, std::string allowed = {}) {
    reader_.error(at, {std::move(what), std::move(allowed), {}});
  }

  App read_app(const Value& table) {
    App app;
    for (const Member& member : table.members) {
      const config::Field field{member.key, member.at, member.value};
      reader_.diagnostics().hide(member.value.at);
      if (member.key == "app_id") {
        reader_.text(field, app.id);
      } else if (member.key == "secret") {
        reader_.secret(field, app.secret);
      } else if (member.key == "ip_list") {
        read_ips(field, app.ips);
      } else if (member.key == "deviation") {
        app.deviation = reader_.integer(field, {1, kMostDeviation}).value_or(1);
      } else {
        fail(member.at, config::quote(member.key) + " is not known here",
             "`app_id`, `secret`, `ip_list`, `deviation`");
      }
    }
    app.ips.finish();
    if (app.id.empty() || app.secret.empty()) {
      fail(table.at, "an application needs `app_id` and `secret`");
    } else if (app.secret == "*" && app.ips.empty()) {
      fail(table.at, "a `secret` \"*\" without `ip_list` would let anybody in");
    } else if (app.secret != "*" && app.deviation == 0) {
      fail(table.at, "an application needs `deviation`, in seconds");
    }
    return app;
  }

  void read_ips(const config::Field& field, IpSet& to) {
    for (const Located<std::string>& one : reader_.list(field, config::Commas::no)) {
      if (const auto network = Network::parse(one.value)) {
        to.add(*network);
      } else {
        fail(one.at, config::quote(one.value) + " is not an address or network");
      }
    }
  }

  config::Reader& reader_;
};

class CombinedAuth final : public Plugin {
 public:
  CombinedAuth(const Settings& settings, std::vector<App> apps, FieldList fields)
      : apps_(std::move(apps)),
        fields_(std::move(fields)),
        refuser_(settings.delay),
        hide_(settings.hide) {}

  uint8_t hooks() const noexcept override { return kRequest; }

  Verdict on_request(Context& context) const noexcept override {
    exchange::Exchange& x = context.x;
    const Credential id = id_.find(x);
    const Credential time = time_.find(x);
    const Credential digest = digest_.find(x);
    if (id.found == Credential::Found::several || time.found == Credential::Found::several ||
        digest.found == Credential::Found::several) {
      return refuser_.refuse(context, {400, "app_id, ts or digest is there twice", {}, {}});
    }
    const auto app = std::ranges::find(apps_, id.value, &App::id);
    const bool known = id.found == Credential::Found::one && app != apps_.end();
    std::string_view fault = known ? check(context, *app, time.value, digest.value)
                                   : std::string_view("the application is not known");
    if (!fault.empty()) {
      return refuser_.refuse(context, {401, fault, {}, {}});
    }
    add_known(x, "app_id", app->id);
    set_request_fields(x, fields_);
    if (hide_) {
      for (const Place* place : {&id_, &time_, &digest_}) {
        place->hide(x);
      }
    }
    return Verdict::next;
  }

  Verdict on_resume(Context& context) const noexcept override {
    return Refuser::refuse_now(context, *Refuser::pending(context));
  }

 private:
  static std::string_view check(const Context& context, const App& app, std::string_view time,
                                std::string_view digest) noexcept {
    if (!app.ips.empty() && !app.ips.contains(context.x.client_ip)) {
      return "the address is not one of the application";
    }
    if (app.secret == "*") {
      return {};
    }
    const auto seconds = parse_decimal(time);
    Digest shown;
    if (!seconds || !parse_hex(digest, shown)) {
      return "ts or digest is none";
    }
    const int64_t now = std::chrono::duration_cast<std::chrono::seconds>(
                            context.host.wall_time().time_since_epoch())
                            .count();
    const auto then = static_cast<int64_t>(*seconds);
    if (std::max(now, then) - std::min(now, then) > app.deviation) {
      return "the time is too far off";
    }
    const bool right =
        same(shown, sha256(context.x.arena.concat(app.secret, std::string_view(":"), time)));
    return right ? std::string_view{} : std::string_view("the digest is wrong");
  }

  Place id_{Place::In::query, "app_id"};
  Place time_{Place::In::query, "ts"};
  Place digest_{Place::In::query, "digest"};
  std::vector<App> apps_;
  FieldList fields_;
  Refuser refuser_;
  bool hide_;
};

std::shared_ptr<const Plugin> make(const Making& making) {
  const size_t errors = making.reader.diagnostics().errors();
  Settings settings;
  read_options(making.entry, kOptions, making.reader, settings);
  FieldList fields =
      FieldList::compile(settings.set_headers, config::EditOf::request, making.reader);
  if (settings.authorizations == nullptr) {
    return nullptr;
  }
  std::vector<App> apps = AppReader(making.reader).read(*settings.authorizations);
  if (making.reader.diagnostics().errors() > errors) {
    return nullptr;
  }
  return std::make_shared<CombinedAuth>(settings, std::move(apps), std::move(fields));
}

}  // namespace

const Kind kCombinedAuth{"combined_auth",
                         "",
                         "lets in applications that prove to know their secret",
                         Phase::auth,
                         describe_options<kOptions>,
                         make};

}  // namespace pingap::plugin
