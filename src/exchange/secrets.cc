#include "exchange/secrets.h"

#include <algorithm>

#include "base/strings.h"
#include "http/params.h"

namespace pingap::exchange {
namespace {

// Those of HTTP, what APIs and frameworks have taken to call theirs, and what Vault, GitLab,
// Cloudflare, AWS, Google, Azure, Kong and oauth2-proxy do.
constexpr std::array<std::string_view, 24> kSecretHeaders = {
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "www-authenticate",
    "authentication-info",
    "x-api-key",
    "x-auth-token",
    "x-access-token",
    "x-session-token",
    "x-csrf-token",
    "x-xsrf-token",
    "api-key",
    "apikey",
    "x-vault-token",
    "private-token",
    "x-auth-key",
    "cf-access-jwt-assertion",
    "x-amz-security-token",
    "x-amzn-oidc-data",
    "x-amzn-oidc-accesstoken",
    "x-goog-api-key",
    "ocp-apim-subscription-key",
    "x-forwarded-access-token",
};

constexpr std::array<std::string_view, 11> kLinkHeaders = {"referer",
                                                           "location",
                                                           "content-location",
                                                           "refresh",
                                                           "link",
                                                           "destination",
                                                           "x-original-url",
                                                           "x-original-uri",
                                                           "x-forwarded-uri",
                                                           "x-rewrite-url",
                                                           "x-envoy-original-path"};

// What OAuth 2 and OpenID Connect (RFC 6749, 7521, 7636, 8628), SAML, signed addresses of
// AWS, Azure and Google, and the default list of OpenTelemetry's url.query call them. Not `code`:
// it serves once, and is the name of much that is no secret.
constexpr std::array<std::string_view, 41> kSecretParameters = {
    "access_token",
    "access-token",
    "refresh_token",
    "id_token",
    "id_token_hint",
    "auth_token",
    "session_token",
    "csrf_token",
    "token",
    "jwt",
    "api_key",
    "api-key",
    "apikey",
    "access_key",
    "secret_key",
    "private_key",
    "client_secret",
    "client_assertion",
    "assertion",
    "code_verifier",
    "device_code",
    "secret",
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "otp",
    "SAMLResponse",
    "signature",
    "sig",
    "AWSAccessKeyId",
    "X-Amz-Credential",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
    "X-Goog-Credential",
    "X-Goog-Signature",
    "authorization",
    "sessionid",
    "session_id",
    "jsessionid",
    "phpsessid",
};

constexpr size_t kLongestParameter = 20;
static_assert(std::ranges::all_of(kSecretParameters, [](std::string_view name) {
  return name.size() <= kLongestParameter;
}));

constexpr unsigned pair(char a, char b) noexcept {
  return (static_cast<unsigned>(static_cast<unsigned char>(a)) << 8 |
          static_cast<unsigned char>(b)) |
         0x2020U;
}

// Of the pairs of letters that names end with, as a set of bits: two pairs may share one.
constexpr size_t bit_of(unsigned pair_of_letters) noexcept {
  return (pair_of_letters ^ pair_of_letters >> 6) & 0xff;
}

using EndSet = std::array<bool, 256>;

constexpr EndSet kEnds = [] {
  EndSet ends{};
  for (const std::string_view name : kSecretParameters) {
    ends[bit_of(pair(name[name.size() - 2], name[name.size() - 1]))] = true;
  }
  return ends;
}();

template <size_t N>
bool contains(const std::array<std::string_view, N>& names, std::string_view name) noexcept {
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view known) { return iequals(known, name); });
}

// A quick look at what stands before '=': may a name of the list end so? Takes some other ends for
// one, which the comparison of the whole name sorts out; an encoded one always.
bool may_end_secret(std::string_view before) noexcept {
  const size_t size = before.size();
  if (size < 3) {
    return false;
  }
  return kEnds[bit_of(pair(before[size - 2], before[size - 1]))] || before[size - 3] == '%' ||
         (size > 3 && before[size - 4] == '%');
}

// The next one is mostly so near that calling memchr costs more.
size_t find_equals(std::string_view query, size_t from) noexcept {
  constexpr size_t kNear = 16;
  const size_t end = std::min(query.size(), from + kNear);
  for (; from < end; ++from) {
    if (query[from] == '=') {
      return from;
    }
  }
  return query.find('=', from);
}

// What may stand before the "//" of an authority; else it is in a path.
bool begins_authority(char before) noexcept {
  constexpr std::string_view kBefore = ":=<'\" ,";
  return kBefore.find(before) != std::string_view::npos;
}

SecretPlace find_userinfo(std::string_view part, size_t from) noexcept {
  for (size_t slashes = part.find("//", from); slashes != std::string_view::npos;
       slashes = part.find("//", slashes + 2)) {
    const size_t begin = slashes + 2;
    const std::string_view rest = part.substr(begin);
    const size_t at = rest.substr(0, rest.find('/')).rfind('@');
    if (at != std::string_view::npos && (slashes == 0 || begins_authority(part[slashes - 1]))) {
      return {begin, begin + at};
    }
  }
  return {};
}

}  // namespace

bool is_secret_header(std::string_view name) noexcept {
  return contains(kSecretHeaders, name);
}

bool is_link_header(std::string_view name) noexcept {
  return contains(kLinkHeaders, name);
}

bool is_secret_parameter(std::string_view name) noexcept {
  if (name.find('%') == std::string_view::npos) {
    return contains(kSecretParameters, name);
  }
  std::array<char, kLongestParameter> room;
  size_t size = 0;
  while (!name.empty()) {
    if (size == room.size()) {
      return false;
    }
    room[size++] = http::take_decoded(name);
  }
  return contains(kSecretParameters, {room.data(), size});
}

Redaction::Redaction(std::span<const std::string> names) {
  for (const std::string& one : names) {
    const bool argument = one.starts_with('?');
    const std::string& name = names_.emplace_back(one.substr(argument ? 1 : 0));
    const SecretName* before = first();
    secrets_.push_back(
        {argument ? SecretName::In::argument : SecretName::In::header, name, before});
  }
}

bool is_listed(const SecretLists& lists, SecretName::In in, std::string_view name) noexcept {
  for (const SecretName* one : lists) {
    for (; one != nullptr; one = one->next) {
      if (one->in == in && (in == SecretName::In::argument ? http::equals_decoded(name, one->name)
                                                           : iequals(name, one->name))) {
        return true;
      }
    }
  }
  return false;
}

SecretPlace find_secret(std::string_view query, size_t from, const SecretLists& more) noexcept {
  const bool listed = more[0] != nullptr || more[1] != nullptr;
  for (size_t equals = find_equals(query, from); equals != std::string_view::npos;
       equals = find_equals(query, equals + 1)) {
    const std::string_view before = query.substr(0, equals);
    const auto name = [&] { return before.substr(before.rfind('&') + 1); };
    if ((may_end_secret(before) && is_secret_parameter(name())) ||
        (listed && is_listed(more, SecretName::In::argument, name()))) {
      return {equals + 1, std::min(query.find('&', equals), query.size())};
    }
  }
  return {};
}

SecretPlace find_link_secret(std::string_view part, size_t from, const SecretLists& more) noexcept {
  const SecretPlace userinfo = find_userinfo(part, from);
  const SecretPlace value = find_secret(part, from, more);
  return value.begin <= userinfo.begin ? value : userinfo;
}

}  // namespace pingap::exchange
