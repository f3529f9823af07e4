// basic_auth: names and passwords (RFC 7617). Hashes are checked in the background: a guess costs
// its client time, and nobody else.
#include <fmt/format.h>

#include "base/file_state.h"
#include "config/read_file.h"
#include "config/suggest.h"
#include "http/base64.h"
#include "plugin/auth/credentials.h"
#include "plugin/auth/kinds.h"
#include "plugin/auth/password_check.h"
#include "plugin/auth/verified_cache.h"
#include "plugin/file_watch.h"

namespace pingap::plugin {
namespace {

using Type = OptionInfo::Type;
using config::Value;
using config::ValueKind;

constexpr size_t kMaxFile = 16 << 20;
constexpr size_t kMaxCredentials = 4096;  // characters
constexpr size_t kMaxPassword = 511;      // bytes; crypt(3) takes no more

struct Settings {
  const Value* users = nullptr;
  const Value* authorizations = nullptr;
  Located<std::string> htpasswd;
  bool hide = true;
  std::vector<config::FieldMatch> set_headers;
  std::string realm = "pingap";
  milliseconds delay{0};
};

constexpr Option<Settings> kOptions[] = {
    {{"users", "", Type::entries, "none",
      "\"NAME:HASH\" with a hash of bcrypt, SHA-crypt, yescrypt or what else crypt(3) has; or "
      "\"NAME:PASSWORD\""},
     &Settings::users},
    {{"authorizations", "", Type::entries, "none", "base64 of \"NAME:PASSWORD\""},
     &Settings::authorizations},
    {{"htpasswd", "", Type::text, "none",
      "a file with a NAME:HASH in each line (`htpasswd -B`); changes are taken up by themselves"},
     &Settings::htpasswd},
    {{"hide_credentials", "", Type::boolean, "true", "the backend does not see name and password"},
     &Settings::hide},
    {{"set_headers", "", Type::pairs, "none",
      "\"Name: value\": fields for the backend, such as \"X-User: $auth_user\"; a client's own are "
      "removed"},
     &Settings::set_headers},
    {{"realm", "", Type::text, "\"pingap\"", "what a browser shows when it asks for a password"},
     &Settings::realm},
    {{"delay", "", Type::duration, "none", "before a refusal"}, &Settings::delay},
};

std::optional<std::string> decode(std::string_view text) {
  http::Base64Decoder decoder;
  std::string out(http::Base64Decoder::room_for(text.size()), '\0');
  const auto size = decoder.decode(text, out.data());
  if (!size || !decoder.whole()) {
    return std::nullopt;
  }
  out.resize(*size);
  return out;
}

// ---- the table

// What the configuration says, without the file.
struct Listed {
  std::vector<std::string> users;  // lines that were checked
};

using Table = std::shared_ptr<const PasswordTable>;

// `path` may be empty. The error is about the file.
tl::expected<Table, std::string> build_table(const Listed& listed, const std::string& path) {
  auto table = std::make_shared<PasswordTable>();
  for (const std::string& line : listed.users) {
    if (auto added = table->add(line, PasswordTable::Plain::allowed); !added) {
      return tl::unexpected(std::move(added.error()));
    }
  }
  if (!path.empty()) {
    const auto text = config::read_file(path, kMaxFile);
    if (!text) {
      return tl::unexpected(text.error());
    }
    const bool before = table->empty();
    if (auto added = table->add_file(*text); !added) {
      return tl::unexpected(std::move(added.error()));
    }
    if (before && table->empty()) {
      return tl::unexpected<std::string>("there is nobody in it");
    }
  }
  return table;
}

// ---- the plugin

class BasicAuth final : public Plugin {
 public:
  BasicAuth(const Settings& settings, FieldList fields, uint32_t workers,
            std::shared_ptr<PasswordCheck> check, std::unique_ptr<FileWatch> watch)
      : place_(Place::In::header, "Authorization"),
        fields_(std::move(fields)),
        refuser_(settings.delay),
        challenge_(fmt::format("Basic realm=\"{}\", charset=\"UTF-8\"", settings.realm)),
        hide_(settings.hide),
        right_(workers),
        wrong_(workers),
        check_(std::move(check)),
        watch_(std::move(watch)) {}

  uint8_t hooks() const noexcept override { return kRequest; }

  Verdict on_request(Context& context) const noexcept override {
    const Credential found = place_.find(context.x);
    if (found.found == Credential::Found::several) {
      return refuser_.refuse(context, {400, "there are several Authorization fields", {}, {}});
    }
    if (found.found == Credential::Found::none) {
      return refuse(context, "there is no password");
    }
    Seen& seen = context.make<Seen>();
    context.state = static_cast<AuthState*>(&seen);
    if (!read(found.value, context.x.arena, seen)) {
      return refuse(context, "this is no name with a password");
    }
    return check(context, seen);
  }

  Verdict on_resume(Context& context) const noexcept override {
    if (const Refusal* refusal = Refuser::pending(context)) {
      return Refuser::refuse_now(context, *refusal);
    }
    const auto& seen = *static_cast<const Seen*>(static_cast<AuthState*>(context.state));
    return decide(context, seen, seen.good);
  }

 private:
  struct Seen : AuthState {
    std::string_view user;
    std::string_view password;
    Digest digest{};
    uint64_t version = 0;
    bool good = false;
  };

  static bool read(std::string_view field, Arena& arena, Seen& to) noexcept;
  Verdict check(Context& context, Seen& seen) const noexcept;
  Verdict decide(Context& context, const Seen& seen, bool good) const noexcept;
  Verdict let_in(Context& context, const Seen& seen) const noexcept;

  Verdict refuse(Context& context, std::string_view why) const noexcept {
    return refuser_.refuse(context, {401, why, challenge_, {}});
  }

  static void set_result(void* state, bool good) {
    static_cast<Seen*>(static_cast<AuthState*>(state))->good = good;
  }

  Place place_;
  FieldList fields_;
  Refuser refuser_;
  std::string challenge_;
  bool hide_;
  VerifiedCache right_;
  VerifiedCache wrong_;
  std::shared_ptr<PasswordCheck> check_;
  std::unique_ptr<FileWatch> watch_;
};

// RFC 7617 2: the name ends at the first colon; neither has control characters.
bool BasicAuth::read(std::string_view field, Arena& arena, Seen& to) noexcept {
  const auto encoded = strip_scheme(field, "basic");
  if (!encoded || encoded->size() > kMaxCredentials) {
    return false;
  }
  http::Base64Decoder decoder;
  char* out = arena.make_array<char>(http::Base64Decoder::room_for(encoded->size()));
  const auto size = decoder.decode(*encoded, out);
  if (!size || !decoder.whole()) {
    return false;
  }
  const std::string_view text(out, *size);
  const size_t colon = text.find(':');
  const bool clean = std::ranges::none_of(text, [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) == 0x7f;
  });
  if (!clean || colon == std::string_view::npos || colon == 0) {
    return false;
  }
  to.user = text.substr(0, colon);
  to.password = text.substr(colon + 1);
  to.digest = keyed_digest(text);
  return to.password.size() <= kMaxPassword;
}

Verdict BasicAuth::check(Context& context, Seen& seen) const noexcept {
  const uint32_t worker = context.host.worker();
  const TimePoint now = context.host.now();
  const PasswordTable& table = *check_->table().of(worker);
  seen.version = table.version();
  if (right_.has(worker, seen.digest, seen.version, now)) {
    return let_in(context, seen);
  }
  if (wrong_.has(worker, seen.digest, seen.version, now)) {
    return refuse(context, "the password is wrong");
  }
  const PasswordTable::Decision decision = table.look(seen.user, seen.password);
  if (decision.hash.empty()) {
    return decide(context, seen, decision.passes);
  }
  PasswordJob job{seen.version,
                  seen.digest,
                  std::string(seen.password),
                  std::string(decision.hash),
                  decision.counts,
                  context.x.client_ip,
                  context.host.continue_later(),
                  &BasicAuth::set_result};
  if (!check_->submit(std::move(job))) {
    return Refuser::refuse_now(context, {503, "too many passwords are to be checked", {}, "1"});
  }
  return Verdict::suspend;
}

Verdict BasicAuth::decide(Context& context, const Seen& seen, bool good) const noexcept {
  const TimePoint until = context.host.now() + kPasswordRemembered;
  (good ? right_ : wrong_).add(context.host.worker(), seen.digest, seen.version, until);
  return good ? let_in(context, seen) : refuse(context, "the password is wrong");
}

Verdict BasicAuth::let_in(Context& context, const Seen& seen) const noexcept {
  add_known(context.x, "user", seen.user);
  set_request_fields(context.x, fields_);
  if (hide_) {
    place_.hide(context.x);
  }
  return Verdict::next;
}

// ---- making it

Listed read_users(const Making& making, const Settings& settings) {
  Listed listed;
  PasswordTable trial;  // says what is wrong with each
  const auto add = [&](const Value& item, std::optional<std::string> line) {
    making.reader.diagnostics().hide(item.at);
    if (!line) {
      making.reader.error(item.at, {"this is no user", "base64 of \"NAME:PASSWORD\"", {}});
    } else if (auto added = trial.add(*line, PasswordTable::Plain::allowed); !added) {
      making.reader.error(item.at, {std::move(added.error()), {}, {}});
    } else {
      listed.users.push_back(std::move(*line));
    }
  };
  const auto text_of = [](const Value& item) {
    return item.kind == ValueKind::string ? std::optional(item.text) : std::nullopt;
  };
  for (size_t i = 0; settings.users != nullptr && i < settings.users->items.size(); ++i) {
    const Value& item = settings.users->items[i];
    add(item, text_of(item));
  }
  for (size_t i = 0;
       settings.authorizations != nullptr && i < settings.authorizations->items.size(); ++i) {
    const Value& item = settings.authorizations->items[i];
    const auto text = text_of(item);
    add(item, text ? decode(*text) : std::nullopt);
  }
  return listed;
}

std::unique_ptr<FileWatch> watch_file(FileWatch::Settings settings, Listed listed,
                                      std::shared_ptr<PasswordCheck> check) {
  auto read = [path = settings.path, listed = std::move(listed),
               check = std::move(check)]() -> tl::expected<void, std::string> {
    auto table = build_table(listed, path);
    if (!table) {
      return tl::unexpected(std::move(table.error()));
    }
    check->table().publish(std::move(*table));
    return {};
  };
  return std::make_unique<FileWatch>(std::move(settings), std::move(read));
}

std::shared_ptr<const Plugin> make(const Making& making) {
  const size_t errors = making.reader.diagnostics().errors();
  Settings settings;
  read_options(making.entry, kOptions, making.reader, settings);
  check_realm(making, settings.realm);
  FieldList fields =
      FieldList::compile(settings.set_headers, config::EditOf::request, making.reader);
  Listed listed = read_users(making, settings);
  const std::string& path = settings.htpasswd.value;
  if (making.reader.diagnostics().errors() > errors) {
    return nullptr;
  }
  if (listed.users.empty() && path.empty()) {
    making.reader.error(making.entry.at,
                        {"there is nobody who may come", "`users` or `htpasswd`", {}});
    return nullptr;
  }
  std::string state;
  if (!path.empty()) {
    making.files.push_back(path);
    state = file_state(path);
  }
  auto table = build_table(listed, path);
  if (!table) {
    making.reader.error(settings.htpasswd.at, {fmt::format("cannot use the passwords of {}: {}",
                                                           config::quote_path(path), table.error()),
                                               {},
                                               {}});
    return nullptr;
  }
  auto check = std::make_shared<PasswordCheck>(making.workers, std::move(*table));
  std::unique_ptr<FileWatch> watch;
  if (!path.empty()) {
    watch = watch_file({making.entry.name, "passwords", path, std::move(state)}, std::move(listed),
                       check);
  }
  return std::make_shared<BasicAuth>(settings, std::move(fields), making.workers, std::move(check),
                                     std::move(watch));
}

}  // namespace

const Kind kBasicAuth{"basic_auth",
                      "",
                      "lets in who has a name and a password",
                      Phase::auth,
                      describe_options<kOptions>,
                      make};

}  // namespace pingap::plugin
