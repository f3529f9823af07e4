#include "plugin/auth/jwt_token.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/strings.h"

namespace pingap::plugin {
namespace {

using Kind = JsonMember::Kind;

constexpr size_t kMaxHead = 4 * 1024;  // in base64url
constexpr size_t kMaxKeyId = 1024;
constexpr double kMaxTime = 9'007'199'254'740'992;  // seconds that a double holds exactly

// With what the reader of JSON may look at behind it.
std::optional<std::string_view> decode(std::string_view part, Arena& arena) noexcept {
  char* out = arena.make_array<char>(part.size() + kJsonPadding);
  const auto size = decode_base64url(part, out);
  if (!size) {
    return std::nullopt;
  }
  std::fill_n(out + *size, kJsonPadding, ' ');
  return std::string_view(out, *size);
}

// Empty, or what is wrong.
std::string_view read_head(const JsonObject& head, JwtToken& out) noexcept {
  const JsonMember* algorithm = head.find("alg");
  if (algorithm == nullptr || algorithm->kind != Kind::text) {
    return "the token names no algorithm";
  }
  out.algorithm = find_jwt_algorithm(algorithm->text);
  if (out.algorithm == nullptr) {
    return "the algorithm of the token is not known";
  }
  // What must be understood is not (RFC 7515 4.1.11); b64 (RFC 7797) would change what is signed.
  if (head.find("crit") != nullptr || head.find("b64") != nullptr) {
    return "the token needs an extension";
  }
  if (const JsonMember* id = head.find("kid")) {
    if (id->kind != Kind::text || id->text.size() > kMaxKeyId) {
      return "the key id of the token is none";
    }
    out.key_id = id->text;
    out.has_key_id = true;
  }
  if (const JsonMember* type = head.find("typ")) {
    if (type->kind != Kind::text) {
      return "the type of the token is none";
    }
    out.type = type->text;
  }
  return {};
}

// "application/" may be left out (RFC 7515 4.1.9).
std::string_view short_type(std::string_view type) noexcept {
  constexpr std::string_view kPrefix = "application/";
  const bool whole =
      type.size() > kPrefix.size() && iequals(type.substr(0, kPrefix.size()), kPrefix);
  return whole ? type.substr(kPrefix.size()) : type;
}

bool is_one_of(const std::vector<std::string>& list, std::string_view text) noexcept {
  return std::ranges::find(list, text) != list.end();
}

// A time in seconds; false for what is none.
bool read_time(const JsonMember& claim, double& out) noexcept {
  out = claim.number;
  return claim.kind == Kind::number && std::abs(claim.number) <= kMaxTime;
}

std::string_view check_times(const JsonObject& claims, const JwtRules& rules, double now) noexcept {
  double time = 0;
  if (const JsonMember* end = claims.find("exp")) {
    if (!read_time(*end, time)) {
      return "exp is no time";
    }
    if (now >= time + rules.leeway) {
      return "the token has expired";
    }
  } else if (rules.require_exp) {
    return "the token has no exp";
  }
  if (const JsonMember* begin = claims.find("nbf")) {
    if (!read_time(*begin, time)) {
      return "nbf is no time";
    }
    if (now + rules.leeway < time) {
      return "the token is not valid yet";
    }
  }
  if (const JsonMember* issued = claims.find("iat")) {
    if (!read_time(*issued, time)) {
      return "iat is no time";
    }
    if (now + rules.leeway < time) {
      return "the token is of the future";
    }
  }
  return {};
}

bool is_for(const JsonMember* claim, const std::vector<std::string>& audiences) noexcept {
  if (claim == nullptr) {
    return false;
  }
  if (claim->kind == Kind::text) {
    return is_one_of(audiences, claim->text);
  }
  return claim->kind == Kind::texts && std::ranges::any_of(claim->texts, [&](std::string_view one) {
           return is_one_of(audiences, one);
         });
}

}  // namespace

std::string_view parse_jwt(std::string_view text, Arena& arena, JwtToken& out) noexcept {
  constexpr std::string_view kNoToken = "this is no signed token";
  if (text.size() > kMaxToken) {
    return "the token is too long";
  }
  const size_t first = text.find('.');
  const size_t second = first == std::string_view::npos ? first : text.find('.', first + 1);
  if (second == std::string_view::npos || text.find('.', second + 1) != std::string_view::npos ||
      first == 0 || second == first + 1 || second + 1 == text.size() || first > kMaxHead) {
    return kNoToken;
  }
  const auto head = decode(text.substr(0, first), arena);
  const auto signature = decode(text.substr(second + 1), arena);
  if (!head || !signature) {
    return kNoToken;
  }
  out.text = text.substr(0, second);
  out.payload = text.substr(first + 1, second - first - 1);
  out.signature = *signature;
  const auto object = read_json_object(*head, arena);
  return object ? read_head(*object, out) : kNoToken;
}

std::optional<JsonObject> read_claims(const JwtToken& token, Arena& arena) noexcept {
  const auto text = decode(token.payload, arena);
  return text ? read_json_object(*text, arena) : std::nullopt;
}

std::string_view check_claims(const JwtToken& token, const JsonObject& claims,
                              const JwtRules& rules, double now) noexcept {
  if (!rules.type.empty() && !iequals(short_type(token.type), short_type(rules.type))) {
    return "the token is of another type";
  }
  if (const std::string_view fault = check_times(claims, rules, now); !fault.empty()) {
    return fault;
  }
  if (!rules.issuers.empty()) {
    const JsonMember* issuer = claims.find("iss");
    if (issuer == nullptr || issuer->kind != Kind::text ||
        !is_one_of(rules.issuers, issuer->text)) {
      return "the token is of another issuer";
    }
  }
  if (!rules.audiences.empty() && !is_for(claims.find("aud"), rules.audiences)) {
    return "the token is for somebody else";
  }
  for (const std::string& name : rules.required) {
    const JsonMember* claim = claims.find(name);
    if (claim == nullptr || claim->kind == Kind::null) {
      return "the token lacks a claim";
    }
  }
  return {};
}

JwtTime time_of(const JsonObject& claims, const JwtRules& rules) noexcept {
  JwtTime time;
  if (const JsonMember* end = claims.find("exp")) {
    time.end = end->number + rules.leeway;
  }
  for (const char* name : {"nbf", "iat"}) {
    if (const JsonMember* begin = claims.find(name)) {
      time.begin = std::max(time.begin, begin->number - rules.leeway);
    }
  }
  return time;
}

}  // namespace pingap::plugin
