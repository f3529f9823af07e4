// jwt: lets in who has a signed token (RFC 7519, 6750, 8725). Which algorithms are good, and with
// which key, only the configuration says.
#include <algorithm>

#include <fmt/format.h>

#include "plugin/auth/jwt_cache.h"
#include "plugin/auth/jwt_settings.h"
#include "plugin/auth/kinds.h"
#include "plugin/headers.h"

namespace pingap::plugin {
namespace {

// As a field's value; nullopt for what is no text, or would not be the same text there.
std::optional<std::string_view> value_of(const JsonMember& claim, Arena& arena) noexcept {
  const auto is_plain = [](std::string_view text) {
    return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
  };
  switch (claim.kind) {
    case JsonMember::Kind::text:
    case JsonMember::Kind::number:
    case JsonMember::Kind::boolean:
      return is_plain(claim.text) ? std::optional(claim.text) : std::nullopt;
    case JsonMember::Kind::texts: {
      std::string_view all;
      for (const std::string_view one : claim.texts) {
        if (!is_plain(one) || one.find(',') != std::string_view::npos) {
          return std::nullopt;
        }
        all = all.data() == nullptr ? one : arena.concat(all, ",", one);
      }
      return all;
    }
    case JsonMember::Kind::null:
    case JsonMember::Kind::other:
      break;
  }
  return std::nullopt;
}

class Jwt final : public Plugin {
 public:
  explicit Jwt(JwtParts parts)
      : parts_(std::move(parts)),
        cache_(parts_.cache, parts_.workers),
        refuser_(parts_.delay),
        challenge_(fmt::format("Bearer realm=\"{}\"", parts_.realm)) {}

  uint8_t hooks() const noexcept override { return kRequest; }

  const std::shared_ptr<JwtKeySource>& key_source() const noexcept { return parts_.keys; }

  Verdict on_request(Context& context) const noexcept override {
    const Credential found = parts_.place.find(context.x);
    if (found.found == Credential::Found::several) {
      return refuse(context, 400, "invalid_request", "there are several tokens");
    }
    const std::string_view text = token_in(found);
    if (JwtGrant grant; is_kept(context, text, grant)) {
      return let_in(context, grant);
    }
    Seen& seen = context.make<Seen>();
    context.state = static_cast<AuthState*>(&seen);
    seen.text = text;
    if (seen.text.empty()) {
      return refuser_.refuse(context, {401, "there is no token", challenge_, {}});
    }
    const std::string_view fault = parse_jwt(seen.text, context.x.arena, seen.token);
    if (!fault.empty()) {
      return refuse(context, 401, "invalid_token", fault);
    }
    if (std::ranges::find(parts_.algorithms, seen.token.algorithm) == parts_.algorithms.end()) {
      return refuse(context, 401, "invalid_token", "the algorithm of the token is not allowed");
    }
    return look_for_key(context, seen, Waited::no);
  }

  Verdict on_resume(Context& context) const noexcept override {
    if (const Refusal* refusal = Refuser::pending(context)) {
      return Refuser::refuse_now(context, *refusal);
    }
    const auto& seen = *static_cast<const Seen*>(static_cast<AuthState*>(context.state));
    return look_for_key(context, seen, Waited::yes);
  }

 private:
  struct Seen : AuthState {
    std::string_view text;
    JwtToken token;
  };

  enum class Waited : bool { no, yes };

  std::string_view token_in(const Credential& found) const noexcept {
    if (found.found == Credential::Found::none) {
      return {};
    }
    const auto bearer = strip_scheme(found.value, "bearer");
    return parts_.place.has_schemes() ? bearer.value_or(std::string_view{})
                                      : bearer.value_or(found.value);
  }

  bool is_kept(Context& context, std::string_view text, JwtGrant& grant) const noexcept;
  Verdict look_for_key(Context& context, const Seen& seen, Waited waited) const noexcept;
  Verdict check(Context& context, const Seen& seen, const JwtKeys& keys,
                const JwtKey& key) const noexcept;
  bool read_grant(const JsonObject& claims, Arena& arena, JwtGrant& grant) const noexcept;
  Verdict let_in(Context& context, const JwtGrant& grant) const noexcept;
  Verdict refuse(Context& context, uint16_t status, std::string_view error,
                 std::string_view why) const noexcept;

  JwtParts parts_;
  JwtCache cache_;
  Refuser refuser_;
  std::string challenge_;
};

double seconds_of(WallTime time) noexcept {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

bool Jwt::is_kept(Context& context, std::string_view text, JwtGrant& grant) const noexcept {
  const uint32_t worker = context.host.worker();
  const JwtKeys* keys = parts_.keys->keys(worker);
  return keys != nullptr &&
         cache_.find(worker, text, keys->version, seconds_of(context.host.wall_time()),
                     context.x.arena, grant);
}

Verdict Jwt::look_for_key(Context& context, const Seen& seen, Waited waited) const noexcept {
  const JwtToken& token = seen.token;
  const JwtKeys* keys = parts_.keys->keys(context.host.worker());
  const JwtKey* key =
      keys == nullptr ? nullptr : keys->find(*token.algorithm, token.has_key_id, token.key_id);
  if (key != nullptr) {
    return check(context, seen, *keys, *key);
  }
  const TimePoint now = context.host.now();
  const bool may_help = keys == nullptr || token.has_key_id;
  if (waited == Waited::no && may_help && parts_.keys->may_have_news(now) &&
      parts_.keys->join(context.host.continue_later(), now)) {
    return Verdict::suspend;
  }
  if (keys == nullptr) {
    return Refuser::refuse_now(context, {503, "there are no keys for tokens yet", {}, "5"});
  }
  return refuse(context, 401, "invalid_token", "the key of the token is not known");
}

Verdict Jwt::check(Context& context, const Seen& seen, const JwtKeys& keys,
                   const JwtKey& key) const noexcept {
  const JwtToken& token = seen.token;
  if (!key.verify(*token.algorithm, token.text, token.signature)) {
    return refuse(context, 401, "invalid_token", "the signature is wrong");
  }
  const auto claims = read_claims(token, context.x.arena);
  if (!claims) {
    return refuse(context, 401, "invalid_token", "the claims cannot be read");
  }
  const double now = seconds_of(context.host.wall_time());
  const std::string_view fault = check_claims(token, *claims, parts_.rules, now);
  if (!fault.empty()) {
    return refuse(context, 401, "invalid_token", fault);
  }
  JwtGrant grant;
  if (!read_grant(*claims, context.x.arena, grant)) {
    return refuse(context, 401, "invalid_token", "a claim does not fit into a header");
  }
  cache_.add(context.host.worker(), seen.text, keys.version, now, grant);
  return let_in(context, grant);
}

// False: a claim that is to become a field cannot be one.
bool Jwt::read_grant(const JsonObject& claims, Arena& arena, JwtGrant& grant) const noexcept {
  grant.time = time_of(claims, parts_.rules);
  const size_t headers = parts_.claim_headers.size();
  grant.headers = {arena.make_array<std::optional<std::string_view>>(headers), headers};
  for (size_t i = 0; i < headers; ++i) {
    auto& header = *std::construct_at(&grant.headers[i]);
    const JsonMember* claim = claims.find(parts_.claim_headers[i].claim);
    if (claim == nullptr || claim->kind == JsonMember::Kind::null) {
      continue;
    }
    header = value_of(*claim, arena);
    if (!header) {
      return false;
    }
  }
  auto* known = arena.make_array<JwtGrant::Claim>(claims.members.size());
  size_t count = 0;
  for (const JsonMember& claim : claims.members) {
    if (const auto value = value_of(claim, arena); value && !value->empty()) {
      known[count++] = {claim.name, *value};
    }
  }
  grant.claims = {known, count};
  return true;
}

Verdict Jwt::let_in(Context& context, const JwtGrant& grant) const noexcept {
  exchange::Exchange& x = context.x;
  for (size_t i = 0; i < grant.headers.size(); ++i) {
    const ClaimHeader& header = parts_.claim_headers[i];
    remove_request_header(x, header.name);
    if (grant.headers[i]) {
      add_request_header(x, header.name, *grant.headers[i]);
    }
  }
  for (const JwtGrant::Claim& claim : grant.claims) {
    add_known(x, claim.name, claim.value);
  }
  set_request_fields(x, parts_.fields);
  if (parts_.hide) {
    parts_.place.hide(x);
  }
  return Verdict::next;
}

Verdict Jwt::refuse(Context& context, uint16_t status, std::string_view error,
                    std::string_view why) const noexcept {
  const std::string_view challenge = context.x.arena.concat(challenge_, ", error=\"", error,
                                                            "\", error_description=\"", why, "\"");
  return refuser_.refuse(context, {status, why, challenge, {}});
}

std::shared_ptr<const Plugin> make(const Making& making) {
  const auto* before = dynamic_cast<const Jwt*>(making.before);
  auto parts = read_jwt_settings(making, before == nullptr ? nullptr : before->key_source());
  return parts ? std::make_shared<Jwt>(std::move(*parts)) : nullptr;
}

}  // namespace

const Kind kJwt{"jwt", "", "lets in who has a signed token", Phase::auth, describe_jwt, make};

}  // namespace pingap::plugin
