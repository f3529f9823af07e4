#include "plugin/auth/jwt_settings.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/file_state.h"
#include "config/suggest.h"
#include "config/syntax.h"
#include "tls/pem_source.h"

namespace pingap::plugin {
namespace {

using Type = OptionInfo::Type;
using std::chrono::hours;
using std::chrono::seconds;

constexpr size_t kLeastSecret = 32;  // bytes (RFC 7518 3.2)

struct Settings {
  Located<std::string> secret;
  bool allow_short_secret = false;
  Located<std::string> public_key;
  Located<std::string> jwks_file;
  Located<std::string> jwks_url;
  milliseconds jwks_ttl = hours(1);
  milliseconds jwks_max_age = hours(24);
  milliseconds jwks_cooldown = seconds(30);
  std::vector<Located<std::string>> algorithms;
  std::string header;
  std::string query;
  std::string cookie;
  milliseconds leeway = seconds(30);
  bool require_exp = true;
  std::vector<std::string> issuer;
  std::vector<std::string> audience;
  std::vector<std::string> required_claims;
  std::string token_type;
  std::vector<config::FieldMatch> claim_headers;
  std::vector<config::FieldMatch> set_headers;
  bool hide = false;
  std::string realm = "pingap";
  milliseconds delay{0};
  uint32_t cache = 1000;
};

constexpr Option<Settings> kOptions[] = {
    {{"secret", "", Type::secret, "none", "of HS256, HS384 and HS512: at least 32 bytes"},
     &Settings::secret},
    {{"allow_short_secret", "", Type::boolean, "false",
      "take a shorter secret, which can be guessed from one token"},
     &Settings::allow_short_secret},
    {{"public_key", "", Type::secret, "none",
      "of the others: a path, or PEM of a public key or certificate"},
     &Settings::public_key},
    {{"jwks_file", "", Type::text, "none", "a file with a set of public keys (RFC 7517)"},
     &Settings::jwks_file},
    {{"jwks_url", "", Type::text, "none", "where a server has such a set"}, &Settings::jwks_url},
    {{"jwks_ttl", "", Type::duration, "\"1h\"", "how often it is asked again", {}, {1, 0}},
     &Settings::jwks_ttl},
    {{"jwks_max_age",
      "",
      Type::duration,
      "\"24h\"",
      "how long keys are used while the server fails",
      {},
      {1, 0}},
     &Settings::jwks_max_age},
    {{"jwks_cooldown",
      "",
      Type::duration,
      "\"30s\"",
      "for so long it is not asked again because of a key that it does not have",
      {},
      {1, 0}},
     &Settings::jwks_cooldown},
    {{"algorithm",
      "algorithms",
      Type::list,
      "HS256 with a `secret`, else required",
      "the algorithms of good tokens: HS256, RS256, PS256, ES256, with 384 and 512, EdDSA",
      {},
      {1, 16}},
     &Settings::algorithms},
    {{"header", "", Type::text, "\"Authorization\"",
      "the header that a token is in; in Authorization behind \"Bearer\""},
     &Settings::header},
    {{"query", "", Type::text, "none", "instead of a header: the parameter that a token is in"},
     &Settings::query},
    {{"cookie", "", Type::text, "none", "instead of a header: the cookie that a token is in"},
     &Settings::cookie},
    {{"leeway", "", Type::duration, "\"30s\"", "how far clocks may differ: up to 60s"},
     &Settings::leeway},
    {{"require_exp", "", Type::boolean, "true", "a token must end some time"},
     &Settings::require_exp},
    {{"issuer", "", Type::list, "any", "`iss` must be one of them"}, &Settings::issuer},
    {{"audience", "", Type::list, "any", "`aud` must have one of them"}, &Settings::audience},
    {{"required_claims", "", Type::list, "none", "claims that a token must have"},
     &Settings::required_claims},
    {{"token_type", "", Type::text, "any", "`typ` must be that, such as \"at+jwt\""},
     &Settings::token_type},
    {{"claim_headers", "", Type::pairs, "none",
      "\"Name: claim\": fields for the backend from claims; a client's own are removed"},
     &Settings::claim_headers},
    {{"set_headers", "", Type::pairs, "none",
      "\"Name: value\": the same with variables, such as \"X-User: $auth_sub\""},
     &Settings::set_headers},
    {{"hide_credentials", "", Type::boolean, "false", "the backend does not see the token"},
     &Settings::hide},
    {{"realm", "", Type::text, "\"pingap\"", "what a client without a token is told"},
     &Settings::realm},
    {{"delay", "", Type::duration, "none", "before a refusal"}, &Settings::delay},
    {{"cache",
      "",
      Type::integer,
      "1000",
      "good tokens that each worker remembers, while their time and their keys last; 0 is off",
      {},
      {0, 100'000}},
     &Settings::cache},
};

void fail(const Making& making, Position at, std::string what, std::string allowed = {},
          std::string hint = {}) {
  making.reader.error(at.line > 0 ? at : making.entry.at,
                      {std::move(what), std::move(allowed), std::move(hint)});
}

// ---- the keys

std::shared_ptr<JwtKeySource> one_key(JwtKey key) {
  std::vector<JwtKey> keys;
  keys.push_back(std::move(key));
  return fixed_keys(std::make_shared<const JwtKeys>(std::move(keys), false));
}

std::optional<JwtKey> read_secret(const Making& making, const Settings& settings) {
  const Located<std::string>& secret = settings.secret;
  if (secret.value.size() < kLeastSecret && !settings.allow_short_secret) {
    fail(making, secret.at, fmt::format("`secret` has {} bytes", secret.value.size()),
         "at least 32, better 64",
         "make one by: openssl rand -hex 32; `allow_short_secret` takes this one all the same");
    return std::nullopt;
  }
  return JwtKey::from_secret(secret.value);
}

std::optional<JwtKey> read_public_key(const Making& making, const Settings& settings) {
  const Located<std::string>& from = settings.public_key;
  if (std::string path = tls::path_of(from.value); !path.empty()) {
    making.files.push_back(std::move(path));
  }
  const auto pem = tls::read_pem(from.value, tls::Readers::any);
  if (!pem) {
    fail(making, from.at, "cannot use `public_key`: " + pem.error());
    return std::nullopt;
  }
  auto key = JwtKey::from_pem(pem->text);
  if (!key) {
    fail(making, from.at, "cannot use `public_key`: " + key.error());
    return std::nullopt;
  }
  return std::move(*key);
}

std::shared_ptr<JwtKeySource> read_file(const Making& making, const Settings& settings) {
  const std::string& path = settings.jwks_file.value;
  making.files.push_back(path);
  std::string state = file_state(path);
  auto keys = read_jwks_file(path);
  if (!keys) {
    fail(making, settings.jwks_file.at,
         fmt::format("cannot use the keys of {}: {}", config::quote_path(path), keys.error()));
    return nullptr;
  }
  return file_keys({making.entry.name, "keys", path, std::move(state)}, std::move(*keys),
                   making.workers);
}

// Keys that are not there: where the plugin is only looked at.
class NoKeys final : public JwtKeySource {
 public:
  const JwtKeys* keys(uint32_t /*worker*/) const override { return nullptr; }
};

std::shared_ptr<JwtKeySource> read_url(const Making& making, const Settings& settings,
                                       std::shared_ptr<JwtKeySource> before) {
  const std::string& url = settings.jwks_url.value;
  const bool known = url.starts_with("https://") || url.starts_with("http://");
  const size_t host = url.find("//") + 2;
  if (!known || url.size() <= host || url.find('@') != std::string::npos ||
      url.find('#') != std::string::npos) {
    fail(making, settings.jwks_url.at, "`jwks_url` is no URL of a set of keys",
         "\"https://a.com/keys\", without user and fragment");
    return nullptr;
  }
  if (url.starts_with("http://")) {
    making.reader.diagnostics().warning(
        settings.jwks_url.at,
        "`jwks_url` is not https: who is on the way can give keys of his own");
  }
  if (making.fetcher == nullptr) {
    return std::make_shared<NoKeys>();
  }
  RemoteKeysSettings wanted{making.entry.name, url, settings.jwks_ttl, settings.jwks_max_age,
                            settings.jwks_cooldown};
  if (before != nullptr && before->is_of(wanted)) {
    return before;
  }
  return remote_keys(std::move(wanted), *making.fetcher, making.workers);
}

// Each algorithm must be one that the key can be for (RFC 8725 3.1).
bool all_fit(const Making& making, const Settings& settings,
             const std::vector<const JwtAlgorithm*>& algorithms, const JwtKey* key) {
  for (size_t i = 0; i < algorithms.size(); ++i) {
    const JwtAlgorithm& one = *algorithms[i];
    const bool fits = key != nullptr ? key->fits(one) : one.family != JwtFamily::hmac;
    if (!fits) {
      const Position at =
          i < settings.algorithms.size() ? settings.algorithms[i].at : making.entry.at;
      fail(making, at, fmt::format("the key is not for {}", one.name), {},
           "HS... needs `secret`; RS..., PS..., ES... and EdDSA a public key of that kind");
      return false;
    }
  }
  return true;
}

std::shared_ptr<JwtKeySource> read_keys(const Making& making, const Settings& settings,
                                        const std::vector<const JwtAlgorithm*>& algorithms,
                                        std::shared_ptr<JwtKeySource> before) {
  const auto set = std::ranges::count_if(
      std::array{&settings.secret, &settings.public_key, &settings.jwks_file, &settings.jwks_url},
      [](const Located<std::string>* one) { return !one->value.empty(); });
  if (set != 1) {
    fail(making, making.entry.at,
         set == 0 ? "a token needs a key" : "there are several kinds of keys",
         "one of `secret`, `public_key`, `jwks_file` and `jwks_url`");
    return nullptr;
  }
  if (!settings.jwks_file.value.empty() || !settings.jwks_url.value.empty()) {
    if (!all_fit(making, settings, algorithms, nullptr)) {
      return nullptr;
    }
    return settings.jwks_url.value.empty() ? read_file(making, settings)
                                           : read_url(making, settings, std::move(before));
  }
  auto key = settings.secret.value.empty() ? read_public_key(making, settings)
                                           : read_secret(making, settings);
  return key && all_fit(making, settings, algorithms, &*key) ? one_key(std::move(*key)) : nullptr;
}

// ---- the rest

std::vector<const JwtAlgorithm*> read_algorithms(const Making& making, const Settings& settings) {
  std::vector<const JwtAlgorithm*> made;
  std::vector<std::string_view> names;
  for (const JwtAlgorithm& one : jwt_algorithms()) {
    names.push_back(one.name);
  }
  for (const Located<std::string>& name : settings.algorithms) {
    const JwtAlgorithm* one = find_jwt_algorithm(name.value);
    if (one == nullptr) {
      fail(making, name.at, config::quote(name.value) + " is not an algorithm of tokens",
           config::join_names(names, names.size()));
    } else {
      made.push_back(one);
    }
  }
  if (settings.algorithms.empty() && !settings.secret.value.empty()) {
    made.push_back(find_jwt_algorithm("HS256"));
  } else if (settings.algorithms.empty()) {
    fail(making, making.entry.at, "the key needs `algorithm`",
         config::join_names(names, names.size()));
  }
  return made;
}

JwtRules read_rules(const Making& making, Settings& settings) {
  constexpr milliseconds kMost = seconds(60);
  if (settings.leeway > kMost) {
    fail(making, making.entry.at, "`leeway` is too long", "at most 60s");
  }
  return {std::chrono::duration<double>(settings.leeway).count(),
          settings.require_exp,
          std::move(settings.issuer),
          std::move(settings.audience),
          std::move(settings.required_claims),
          std::move(settings.token_type)};
}

std::vector<ClaimHeader> read_claim_headers(const Making& making, const Settings& settings) {
  std::vector<ClaimHeader> made;
  for (const config::FieldMatch& one : settings.claim_headers) {
    if (!one.value || one.value->empty()) {
      fail(making, one.at, config::quote(one.name) + " names no claim", R"("X-User: sub")");
    } else if (making.reader.check(one.at, config::check_header_name(one.name)) &&
               making.reader.check(one.at,
                                   config::check_header_edit(one.name, config::EditOf::request))) {
      made.push_back({one.name, *one.value});
    }
  }
  return made;
}

constexpr config::Foreign kForeign[] = {
    {"auth_path", "remove it: tokens are checked here and given out by a server of yours"},
};

}  // namespace

void describe_jwt(std::vector<OptionInfo>& to) {
  describe_options<kOptions>(to);
}

std::optional<JwtParts> read_jwt_settings(const Making& making,
                                          std::shared_ptr<JwtKeySource> before) {
  const size_t errors = making.reader.diagnostics().errors();
  Settings settings;
  read_options(making.entry, kOptions, making.reader, settings, kForeign);
  const auto place =
      choose_place(making, {settings.header, settings.query, settings.cookie}, "Authorization");
  check_realm(making, settings.realm);
  auto algorithms = read_algorithms(making, settings);
  FieldList fields =
      FieldList::compile(settings.set_headers, config::EditOf::request, making.reader);
  auto claim_headers = read_claim_headers(making, settings);
  auto rules = read_rules(making, settings);
  auto keys = read_keys(making, settings, algorithms, std::move(before));
  if (!place || keys == nullptr || making.reader.diagnostics().errors() > errors) {
    return std::nullopt;
  }
  return JwtParts{*place,
                  std::move(keys),
                  std::move(algorithms),
                  std::move(rules),
                  std::move(claim_headers),
                  std::move(fields),
                  std::move(settings.realm),
                  settings.delay,
                  settings.hide,
                  settings.cache,
                  making.workers};
}

}  // namespace pingap::plugin
