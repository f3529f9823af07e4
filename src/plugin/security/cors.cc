// cors: which pages of other origins may read our answers (the Fetch standard, 3.2). A preflight is
// answered here, before anybody asks who the client is: it cannot say so.
#include <algorithm>

#include <fmt/format.h>

#include "base/regex.h"
#include "base/strings.h"
#include "config/suggest.h"
#include "config/syntax.h"
#include "plugin/security/kinds.h"

namespace pingap::plugin {
namespace {

using Type = OptionInfo::Type;
using http::HeaderId;

using Names = std::vector<Located<std::string>>;

struct Settings {
  Names allow_origin{{"*", {}}};
  Names allow_methods{{"GET", {}}, {"HEAD", {}},  {"POST", {}},
                      {"PUT", {}}, {"PATCH", {}}, {"DELETE", {}}};
  Names allow_headers;
  Names expose_headers;
  bool allow_credentials = false;
  bool allow_private_network = false;
  milliseconds max_age{std::chrono::hours(1)};
  std::string path;
};

constexpr Option<Settings> kOptions[] = {
    {{"allow_origin", "", Type::list, "[\"*\"]",
      "origins: \"https://a.com\", \"https://*.a.com\" for those below, \"~ REGEX\" for the whole "
      "of "
      "it, or \"*\" for any"},
     &Settings::allow_origin},
    {{"allow_methods", "", Type::list, "GET, HEAD, POST, PUT, PATCH, DELETE",
      "what a page may ask for"},
     &Settings::allow_methods},
    {{"allow_headers", "", Type::list, "what the page asks for", "fields that a page may send"},
     &Settings::allow_headers},
    {{"expose_headers", "", Type::list, "none", "fields of the answer that a page may read"},
     &Settings::expose_headers},
    {{"allow_credentials", "", Type::boolean, "false",
      "a page may send cookies and read what comes; not with \"*\""},
     &Settings::allow_credentials},
    {{"allow_private_network", "", Type::boolean, "false",
      "pages of the public internet may ask a server of a private network"},
     &Settings::allow_private_network},
    {{"max_age", "", Type::duration, "\"1h\"", "how long a browser remembers a preflight"},
     &Settings::max_age},
    {{"path", "", Type::text, "any", "only for paths that this regular expression is found in"},
     &Settings::path},
};

// Of hosts that nobody means: a pattern that fits one of them fits everybody.
constexpr std::string_view kStrangers[] = {
    "https://k7f3q9x2.com",      "https://www.k7f3q9x2.com",      "https://k7f3q9x2.invalid",
    "https://k7f3q9x2.com:8443", "https://www.k7f3q9x2.com:8443", "http://k7f3q9x2.com",
};

// Origins that may read: "scheme://host[:port]", compared as a whole.
class Origins {
 public:
  // With credentials: whether an origin may act as its visitor, and not only read.
  static Origins compile(const Names& from, bool credentials, config::Reader& reader) {
    Origins made;
    for (const Located<std::string>& one : from) {
      const std::string_view text = one.value;
      if (text == "*") {
        made.any_ = true;
      } else if (text.starts_with('~')) {
        made.add_pattern(one, credentials, reader);
      } else {
        made.add(one, reader);
      }
    }
    return made;
  }

  bool any() const noexcept { return any_; }

  // "null" is every sandboxed page, whoever has written it: no pattern can mean it.
  bool allow(std::string_view origin) const noexcept {
    return any_ ||
           std::ranges::any_of(exact_, [&](const auto& one) { return iequals(one, origin); }) ||
           std::ranges::any_of(below_, [&](const Below& one) { return one.holds(origin); }) ||
           (origin != "null" && fits_pattern(origin));
  }

 private:
  struct Below {  // "https://*.a.com"
    std::string scheme;
    std::string suffix;  // ".a.com"

    bool holds(std::string_view origin) const noexcept {
      if (origin.size() <= scheme.size() + suffix.size() ||
          !iequals(origin.substr(0, scheme.size()), scheme) ||
          !iequals(origin.substr(origin.size() - suffix.size()), suffix)) {
        return false;
      }
      const std::string_view labels =
          origin.substr(scheme.size(), origin.size() - scheme.size() - suffix.size());
      return labels.find_first_of("/:@") == std::string_view::npos;
    }
  };

  bool fits_pattern(std::string_view origin) const noexcept {
    return std::ranges::any_of(patterns_,
                               [&](const Regex& one) { return one.matches_fully(origin); });
  }

  void add_pattern(const Located<std::string>& one, bool credentials, config::Reader& reader) {
    auto pattern =
        Regex::create(trim(std::string_view(one.value).substr(1)), RegexCase::insensitive);
    if (!pattern) {
      reader.error(one.at, {std::move(pattern.error()), {}, {}});
      return;
    }
    const auto lets_in = [&](std::string_view origin) { return pattern->matches_fully(origin); };
    if (credentials && std::ranges::any_of(kStrangers, lets_in)) {
      reader.error(one.at, {fmt::format("{} lets in any origin, such as {}: with "
                                        "`allow_credentials` every page could act as its visitor",
                                        config::quote(one.value), kStrangers[0]),
                            {},
                            "name the host: \"~ https://[a-z]+\\\\.a\\\\.com\""});
      return;
    }
    patterns_.push_back(std::move(*pattern));
  }

  void add(const Located<std::string>& one, config::Reader& reader) {
    const size_t star = one.value.find("://*.");
    if (star == std::string::npos) {
      if (reader.check(one.at, config::check_origin(one.value))) {
        exact_.push_back(one.value);
      }
      return;
    }
    std::string plain = one.value;
    plain.erase(star + 3, 2);
    if (reader.check(one.at, config::check_origin(plain))) {
      below_.push_back({one.value.substr(0, star + 3), one.value.substr(star + 4)});
    }
  }

  bool any_ = false;
  std::vector<std::string> exact_;
  std::vector<Below> below_;
  std::vector<Regex> patterns_;
};

class Cors final : public Plugin {
 public:
  Cors(const Settings& settings, Origins origins, std::optional<Regex> path)
      : origins_(std::move(origins)),
        path_(std::move(path)),
        methods_(joined(settings.allow_methods)),
        headers_(joined(settings.allow_headers)),
        expose_(joined(settings.expose_headers)),
        max_age_(std::to_string(
            std::chrono::duration_cast<std::chrono::seconds>(settings.max_age).count())),
        credentials_(settings.allow_credentials),
        private_network_(settings.allow_private_network) {}

  uint8_t hooks() const noexcept override { return kRequest | kResponse; }

  Verdict on_request(Context& context) const noexcept override {
    exchange::Exchange& x = context.x;
    if (path_ && !path_->matches(x.uri.match_path)) {
      return Verdict::next;
    }
    Seen& seen = context.make<Seen>();
    context.state = &seen;
    seen.origin = origin_of(x.request.headers);
    seen.allowed = !seen.origin.empty() && origins_.allow(seen.origin);
    const http::Field* method = x.request.headers.find("access-control-request-method");
    if (x.request.method != http::Method::options || seen.origin.empty() || method == nullptr) {
      return Verdict::next;
    }
    seen.preflight = true;
    answer_preflight(context, seen);
    return Verdict::respond;
  }

  // What a backend says about it does not count: two of one field would be an error in the browser.
  void on_response(Context& context) const noexcept override {
    const auto* seen = static_cast<const Seen*>(context.state);
    if (seen == nullptr) {
      return;
    }
    http::HeaderMap& headers = context.x.response.headers;
    if (!seen->preflight) {
      for (http::Field& field : headers.fields()) {
        if (istarts_with(field.name(), "access-control-")) {
          field.remove();
        }
      }
    }
    // Where it is "*", without Origin too: a cache gives the answer to a page that has one (Fetch,
    // "CORS protocol and HTTP caches").
    if (seen->allowed || same_for_all()) {
      headers.set(HeaderId::access_control_allow_origin, shown(seen->origin));
      if (credentials_) {
        headers.set("Access-Control-Allow-Credentials", "true");
      }
      if (!expose_.empty() && !seen->preflight) {
        headers.set("Access-Control-Expose-Headers", expose_);
      }
    }
    if (!same_for_all()) {
      add_vary(context);
    }
  }

 private:
  struct Seen {
    std::string_view origin;
    bool allowed = false;
    bool preflight = false;
  };

  static std::string joined(const Names& names) {
    std::string all;
    for (const Located<std::string>& one : names) {
      all += (all.empty() ? "" : ", ") + one.value;
    }
    return all;
  }

  static bool istarts_with(std::string_view text, std::string_view start) noexcept {
    return text.size() >= start.size() && iequals(text.substr(0, start.size()), start);
  }

  // Two of them are nobody's.
  static std::string_view origin_of(const http::HeaderMap& headers) noexcept {
    std::string_view origin;
    size_t count = 0;
    for (const http::Field& field : headers.fields()) {
      if (field.id == HeaderId::origin && !field.removed()) {
        origin = field.value();
        ++count;
      }
    }
    return count == 1 ? origin : std::string_view{};
  }

  bool same_for_all() const noexcept { return origins_.any() && !credentials_; }

  std::string_view shown(std::string_view origin) const noexcept {
    return same_for_all() ? "*" : origin;
  }

  void answer_preflight(Context& context, const Seen& seen) const noexcept {
    Answer& answer = context.answer;
    answer.status = 204;
    answer.headers = http::HeaderMap::copy({}, context.x.arena, 10);
    if (!seen.allowed) {
      return;
    }
    const http::HeaderMap& asked = context.x.request.headers;
    answer.headers.add("Access-Control-Allow-Methods", methods_);
    const http::Field* wanted = asked.find("access-control-request-headers");
    if (!headers_.empty() || wanted != nullptr) {
      answer.headers.add("Access-Control-Allow-Headers",
                         headers_.empty() ? wanted->value() : std::string_view(headers_));
    }
    answer.headers.add("Access-Control-Max-Age", max_age_);
    if (private_network_ && iequals(asked.get("access-control-request-private-network"), "true")) {
      answer.headers.add("Access-Control-Allow-Private-Network", "true");
    }
    if (headers_.empty()) {
      answer.headers.add(HeaderId::vary, "Access-Control-Request-Headers");
    }
  }

  static void add_vary(Context& context) noexcept {
    http::HeaderMap& headers = context.x.response.headers;
    for (const http::Field& field : headers.fields()) {
      std::string_view list = field.value();
      std::string_view item;
      while (field.id == HeaderId::vary && !field.removed() && next_list_item(list, item)) {
        if (item == "*" || iequals(item, "origin")) {
          return;
        }
      }
    }
    headers.add(HeaderId::vary, "Origin");
  }

  Origins origins_;
  std::optional<Regex> path_;
  std::string methods_;
  std::string headers_;  // empty = those that are asked for
  std::string expose_;
  std::string max_age_;
  bool credentials_;
  bool private_network_;
};

void check_origins(const Settings& settings, const Origins& origins, const Making& making) {
  if (origins.any() && settings.allow_credentials) {
    const Position at = settings.allow_origin.front().at;
    making.reader.error(
        at.line > 0 ? at : making.entry.at,
        {"`allow_credentials` with the origin \"*\" would let every page act as its visitor",
         {},
         "name the origins in `allow_origin`"});
  }
}

// A request with credentials takes "*" for a name that is just that (Fetch, 3.2.5).
void check_star(const Settings& settings, const Located<std::string>& name, std::string_view key,
                std::string_view hint, config::Reader& reader) {
  if (name.value == "*" && settings.allow_credentials) {
    reader.error(name.at, {fmt::format("with `allow_credentials` browsers take \"*\" in {} for a "
                                       "name, not for all",
                                       config::quote(key)),
                           {},
                           std::string(hint)});
  }
}

void check_names(const Settings& settings, config::Reader& reader) {
  const auto check_fields = [&](const Names& names, std::string_view key, std::string_view hint) {
    for (const Located<std::string>& name : names) {
      check_star(settings, name, key, hint, reader);
      reader.check(name.at, config::check_header_name(name.value));
    }
  };
  check_fields(settings.allow_headers, "allow_headers",
               "leave `allow_headers` out: then what the page asks for is allowed");
  check_fields(settings.expose_headers, "expose_headers", "name the fields");
  for (const Located<std::string>& method : settings.allow_methods) {
    check_star(settings, method, "allow_methods", "name the methods", reader);
    if (!config::is_token(method.value)) {
      reader.error(method.at, {config::quote(method.value) + " is not a method", {}, {}});
    }
  }
}

std::shared_ptr<const Plugin> make(const Making& making) {
  config::Reader& reader = making.reader;
  Settings settings;
  read_options(making.entry, kOptions, reader, settings);
  Origins origins = Origins::compile(settings.allow_origin, settings.allow_credentials, reader);
  check_origins(settings, origins, making);
  check_names(settings, reader);
  std::optional<Regex> path;
  if (!settings.path.empty()) {
    auto made = Regex::create(settings.path);
    if (made) {
      path = std::move(*made);
    } else {
      reader.error(making.entry.at, {std::move(made.error()), {}, {}});
    }
  }
  return std::make_shared<Cors>(settings, std::move(origins), std::move(path));
}

}  // namespace

const Kind kCors{"cors",
                 "",
                 "lets pages of other origins read answers",
                 Phase::identify,
                 describe_options<kOptions>,
                 make};

}  // namespace pingap::plugin
