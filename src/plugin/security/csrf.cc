// csrf: a page of another origin may make a browser send a request, but not read what came before.
// So whoever changes something shows a token of ours in a header, beside the same in a cookie
// (double submit), signed for this host and this session.
//
//   token = base64url(version 1 | seconds since 1970, 8 bytes | 16 random bytes | HMAC-SHA256)
//   the HMAC is of the rest of it, the host and the value of the session's cookie
#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <openssl/rand.h>

#include "base/strings.h"
#include "config/suggest.h"
#include "config/syntax.h"
#include "http/field_name.h"
#include "http/params.h"
#include "plugin/keyed_digest.h"
#include "plugin/security/kinds.h"

namespace pingap::plugin {
namespace {

using Type = OptionInfo::Type;
using http::HeaderId;
using http::Method;

constexpr size_t kLeastKey = 32;  // bytes
constexpr size_t kHead = 1 + 8 + 16;
constexpr size_t kBytes = kHead + 32;
constexpr size_t kToken = kBytes / 3 * 4;
static_assert(kBytes % 3 == 0);
constexpr char kVersion = 1;
constexpr int64_t kFuture = 60;  // seconds that another of our machines may be ahead

enum SameSite : size_t { kLax, kStrict, kNone };

constexpr std::string_view kSameSites[] = {"lax", "strict", "none"};

struct Settings {
  std::string key;
  std::string token_path;
  std::string name{"x-csrf-token"};
  std::string cookie{"__Host-csrf"};
  std::string session_cookie;
  milliseconds ttl{std::chrono::hours(12)};
  std::vector<Located<std::string>> origins;
  bool same_site_requests = true;
  bool require_origin = false;
  bool secure = true;
  Located<size_t> same_site{kLax, {}};
  std::vector<std::string> exempt_methods{"GET", "HEAD", "OPTIONS"};
};

constexpr Option<Settings> kOptions[] = {
    {{"key", "", Type::secret, "required", "signs tokens: at least 32 bytes"}, &Settings::key},
    {{"token_path", "", Type::path, "required",
      "a GET of this path gives a token, as the cookie and as JSON"},
     &Settings::token_path},
    {{"name", "", Type::text, "\"x-csrf-token\"", "the header that a page shows its token in"},
     &Settings::name},
    {{"cookie", "", Type::text, "\"__Host-csrf\"",
      "the cookie; with that prefix no other host can set it"},
     &Settings::cookie},
    {{"session_cookie", "", Type::text, "none",
      "the cookie of a session: a token is of no use in another"},
     &Settings::session_cookie},
    {{"ttl", "", Type::duration, "\"12h\"", "how long a token is good", {}, {1, 0}},
     &Settings::ttl},
    {{"origins", "", Type::list, "the server's own",
      "origins whose pages may send: \"https://a.com\""},
     &Settings::origins},
    {{"allow_same_site", "", Type::boolean, "true",
      "pages of other hosts of the same site may send"},
     &Settings::same_site_requests},
    {{"require_origin", "", Type::boolean, "false",
      "refuse who says neither Origin nor Referer; programs mostly do not"},
     &Settings::require_origin},
    {{"secure", "", Type::boolean, "true", "the cookie goes over TLS only"}, &Settings::secure},
    {{"same_site", "", Type::choice, "\"lax\"", "SameSite of the cookie", kSameSites},
     &Settings::same_site},
    {{"exempt_methods", "", Type::list, "GET, HEAD, OPTIONS", "methods that change nothing"},
     &Settings::exempt_methods},
};

// Two of one name are nobody's.
struct Single {
  size_t count = 0;
  std::string_view value;

  void add(std::string_view text) noexcept {
    ++count;
    value = text;
  }
};

template <class Is>
Single find_field(const http::HeaderMap& headers, const Is& is) noexcept {
  Single found;
  for (const http::Field& field : headers.fields()) {
    if (!field.removed() && is(field)) {
      found.add(field.value());
    }
  }
  return found;
}

Single find_cookie(const http::HeaderMap& headers, std::string_view name) noexcept {
  Single found;
  for (const http::Field& field : headers.fields()) {
    std::string_view rest =
        field.id == HeaderId::cookie && !field.removed() ? field.value() : std::string_view{};
    while (!rest.empty()) {
      const size_t end = std::min(rest.find(';'), rest.size());
      const std::string_view pair = trim(rest.substr(0, end));
      if (pair.size() > name.size() && pair[name.size()] == '=' && pair.starts_with(name)) {
        found.add(pair.substr(name.size() + 1));
      }
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return found;
}

using Bytes = std::array<char, kBytes>;

std::string_view view(const Bytes& bytes, size_t size) noexcept {
  return {bytes.data(), size};
}

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string_view encode(const Bytes& bytes, Arena& arena) noexcept {
  char* out = arena.make_array<char>(kToken);
  char* to = out;
  for (size_t i = 0; i < kBytes; i += 3) {
    const auto at = [&](size_t n) { return static_cast<unsigned>(static_cast<uint8_t>(bytes[n])); };
    const unsigned bits = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
    for (int shift = 18; shift >= 0; shift -= 6) {
      *to++ = kAlphabet[bits >> shift & 63];
    }
  }
  return {out, kToken};
}

bool decode(std::string_view text, Bytes& out) noexcept {
  if (text.size() != kToken) {
    return false;
  }
  for (size_t i = 0; i < kToken; i += 4) {
    unsigned bits = 0;
    for (const char c : text.substr(i, 4)) {
      const size_t value = kAlphabet.find(c);
      if (value == std::string_view::npos) {
        return false;
      }
      bits = bits << 6 | static_cast<unsigned>(value);
    }
    for (size_t n = 0; n < 3; ++n) {
      out[i / 4 * 3 + n] = static_cast<char>(bits >> (16 - 8 * n) & 0xff);
    }
  }
  return true;
}

class Csrf final : public Plugin {
 public:
  explicit Csrf(Settings settings)
      : settings_(std::move(settings)),
        header_(settings_.name),
        session_name_(settings_.session_cookie) {
    const std::string_view same_site = settings_.same_site.value == kStrict ? "Strict"
                                       : settings_.same_site.value == kNone ? "None"
                                                                            : "Lax";
    attributes_ = fmt::format("; Path=/; SameSite={}{}; Max-Age={}", same_site,
                              settings_.secure ? "; Secure" : "", ttl());
  }

  uint8_t hooks() const noexcept override { return kRequest; }

  Verdict on_request(Context& context) const noexcept override {
    exchange::Exchange& x = context.x;
    if (x.uri.match_path == settings_.token_path && x.request.method == Method::get) {
      return give_token(context);
    }
    // A handshake is a GET in HTTP/1, and any page can begin one with the visitor's cookies.
    const bool exempt = !x.request.websocket &&
                        std::ranges::find(settings_.exempt_methods, x.request.method_text) !=
                            settings_.exempt_methods.end();
    if (exempt) {
      return Verdict::next;
    }
    std::string_view fault = check_site(x);
    if (fault.empty()) {
      fault = check_origin(x);
    }
    if (fault.empty() && !x.request.websocket) {  // a browser cannot put a header on that
      fault = check_token(context);
    }
    return fault.empty() ? Verdict::next : context.refuse(403, ErrorCode::forbidden, fault);
  }

 private:
  int64_t ttl() const noexcept {
    return std::chrono::duration_cast<std::chrono::seconds>(settings_.ttl).count();
  }

  std::string_view check_site(const exchange::Exchange& x) const noexcept;
  std::string_view check_origin(exchange::Exchange& x) const noexcept;
  std::string_view check_token(Context& context) const noexcept;
  bool is_ours(const exchange::Exchange& x, std::string_view origin) const noexcept;
  Verdict give_token(Context& context) const noexcept;
  Digest sign(exchange::Exchange& x, std::string_view head) const noexcept;

  static int64_t seconds_of(const Context& context) noexcept {
    return std::chrono::duration_cast<std::chrono::seconds>(
               context.host.wall_time().time_since_epoch())
        .count();
  }

  Settings settings_;
  http::FieldName header_;
  std::string session_name_;
  std::string attributes_;
};

// What the browser itself says of the page (Fetch Metadata).
std::string_view Csrf::check_site(const exchange::Exchange& x) const noexcept {
  const std::string_view site = x.request.headers.get("sec-fetch-site");
  const bool refused =
      iequals(site, "cross-site") || (!settings_.same_site_requests && iequals(site, "same-site"));
  return refused ? "the request is from a page of another site" : std::string_view{};
}

// An origin's parts, without the port that its scheme has anyhow: ":80" is what nothing is.
struct Origin {
  std::string_view scheme;
  std::string_view authority;

  static Origin of(std::string_view scheme, std::string_view authority) noexcept {
    const std::string_view port = iequals(scheme, "https")  ? ":443"
                                  : iequals(scheme, "http") ? ":80"
                                                            : "";
    if (!port.empty() && authority.ends_with(port)) {
      authority.remove_suffix(port.size());
    }
    return {scheme, authority};
  }

  static Origin parse(std::string_view text) noexcept {
    const size_t colon = text.find("://");
    return colon == std::string_view::npos ? Origin{}
                                           : of(text.substr(0, colon), text.substr(colon + 3));
  }

  bool is(const Origin& other) const noexcept {
    return !scheme.empty() && !authority.empty() && iequals(scheme, other.scheme) &&
           iequals(authority, other.authority);
  }
};

bool Csrf::is_ours(const exchange::Exchange& x, std::string_view text) const noexcept {
  const Origin origin = Origin::parse(text);
  if (settings_.origins.empty()) {
    return origin.is(Origin::of(x.scheme, x.request.authority));
  }
  return std::ranges::any_of(settings_.origins,
                             [&](const auto& one) { return origin.is(Origin::parse(one.value)); });
}

std::string_view Csrf::check_origin(exchange::Exchange& x) const noexcept {
  constexpr std::string_view kForeign = "the request is from a page of another origin";
  const http::HeaderMap& headers = x.request.headers;
  const auto of = [&](HeaderId id) {
    return find_field(headers, [id](const http::Field& field) { return field.id == id; });
  };
  const Single origin = of(HeaderId::origin);
  if (origin.count > 0) {
    return origin.count == 1 && is_ours(x, origin.value) ? std::string_view{} : kForeign;
  }
  const Single referer = of(HeaderId::referer);
  if (referer.count == 0) {
    return settings_.require_origin ? "the request says not where it is from" : std::string_view{};
  }
  const size_t host = referer.value.find("://");
  const size_t end =
      host == std::string_view::npos ? host : referer.value.find_first_of("/?#", host + 3);
  return referer.count == 1 && is_ours(x, referer.value.substr(0, end)) ? std::string_view{}
                                                                        : kForeign;
}

Digest Csrf::sign(exchange::Exchange& x, std::string_view head) const noexcept {
  const Single session =
      session_name_.empty() ? Single{} : find_cookie(x.request.headers, session_name_);
  // Neither a host nor a cookie has a NUL: the parts cannot be cut in another place.
  const auto with_data = [](std::string_view text) { return text.empty() ? "" : text; };
  return hmac_sha256(
      settings_.key,
      x.arena.concat(head, with_data(x.host), std::string_view("\0", 1), with_data(session.value)));
}

std::string_view Csrf::check_token(Context& context) const noexcept {
  exchange::Exchange& x = context.x;
  const Single shown = find_field(
      x.request.headers, [&](const http::Field& field) { return header_.is_name_of(field); });
  const Single cookie = find_cookie(x.request.headers, settings_.cookie);
  if (shown.count == 0 || cookie.count == 0) {
    return "the request has no token";
  }
  Bytes token;
  if (shown.count > 1 || cookie.count > 1 || !same_secret(shown.value, cookie.value) ||
      !decode(shown.value, token) || token[0] != kVersion) {
    return "the token is wrong";
  }
  Digest mac;
  std::copy_n(reinterpret_cast<const uint8_t*>(token.data()) + kHead, mac.size(), mac.begin());
  if (!same(mac, sign(x, view(token, kHead)))) {
    return "the token is wrong";
  }
  uint64_t issued = 0;
  for (size_t i = 1; i <= 8; ++i) {
    issued = issued << 8 | static_cast<uint8_t>(token[i]);
  }
  const int64_t age = seconds_of(context) - static_cast<int64_t>(issued);
  return age > ttl() || age < -kFuture ? "the token is too old" : std::string_view{};
}

Verdict Csrf::give_token(Context& context) const noexcept {
  exchange::Exchange& x = context.x;
  Bytes token;
  token[0] = kVersion;
  const auto now = static_cast<uint64_t>(seconds_of(context));
  for (size_t i = 0; i < 8; ++i) {
    token[1 + i] = static_cast<char>(now >> (56 - 8 * i) & 0xff);
  }
  if (RAND_bytes(reinterpret_cast<unsigned char*>(token.data()) + 9, 16) != 1) {
    return context.refuse(503, ErrorCode::plugin_failed, "there are no random numbers");
  }
  const Digest mac = sign(x, view(token, kHead));
  std::copy_n(reinterpret_cast<const char*>(mac.data()), mac.size(), token.data() + kHead);
  const std::string_view text = encode(token, x.arena);
  Answer& answer = context.answer;
  answer.status = 200;
  answer.headers = http::HeaderMap::copy({}, x.arena, 6);
  answer.headers.add("Content-Type", "application/json");
  answer.headers.add("Cache-Control", "no-store");
  answer.headers.add("Set-Cookie", x.arena.concat(settings_.cookie, "=", text, attributes_));
  answer.body.append(x.arena.concat("{\"token\":\"", text, "\"}\n"));
  return Verdict::respond;
}

// A browser takes a cookie of that name only so (RFC 6265bis 4.1.3.2).
void check_cookie(const Making& making, const Settings& settings) {
  config::Reader& reader = making.reader;
  if (settings.cookie.starts_with("__") && !settings.secure) {
    reader.error(making.entry.at,
                 {fmt::format("a cookie {} must be `secure`", config::quote(settings.cookie)),
                  {},
                  "give `cookie` a name without __Host- where there is no TLS"});
  }
  if (settings.same_site.value == kNone && !settings.secure) {
    reader.error(making.entry.at, {"`same_site` \"none\" needs `secure`", {}, {}});
  }
  reader.check(making.entry.at, config::check_header_name(settings.cookie));
  if (!settings.session_cookie.empty()) {
    reader.check(making.entry.at, config::check_header_name(settings.session_cookie));
  }
}

std::shared_ptr<const Plugin> make(const Making& making) {
  config::Reader& reader = making.reader;
  const size_t errors = reader.diagnostics().errors();
  Settings settings;
  read_options(making.entry, kOptions, reader, settings);
  if (settings.key.size() < kLeastKey && reader.diagnostics().errors() == errors) {
    reader.error(making.entry.at, {fmt::format("`key` has {} bytes", settings.key.size()),
                                   "at least 32", "make one by: openssl rand -hex 32"});
  }
  reader.check(making.entry.at, config::check_header_name(settings.name));
  check_cookie(making, settings);
  for (const Located<std::string>& one : settings.origins) {
    reader.check(one.at, config::check_origin(one.value));
  }
  if (reader.diagnostics().errors() > errors) {
    return nullptr;
  }
  return std::make_shared<Csrf>(std::move(settings));
}

}  // namespace

const Kind kCsrf{"csrf",
                 "",
                 "refuses what pages of others make browsers send",
                 Phase::guard,
                 describe_options<kOptions>,
                 make};

}  // namespace pingap::plugin
