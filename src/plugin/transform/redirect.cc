// redirect: sends the client somewhere else: to HTTPS, to another host, below a prefix, by a
// regular expression.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/regex.h"
#include "config/suggest.h"
#include "plugin/transform/kinds.h"
#include "plugin/transform/replacement.h"
#include "route/path.h"

namespace pingap::plugin {
namespace {

using Type = OptionInfo::Type;

struct Settings {
  bool http_to_https = false;
  uint32_t https_port = 443;
  Located<std::string> host;
  std::string prefix;
  Located<std::string> regex;
  Located<std::string> to;
  uint32_t status = 307;
};

constexpr Option<Settings> kOptions[] = {
    {{"http_to_https", "", Type::boolean, "false", "requests without TLS go to https://"},
     &Settings::http_to_https},
    {{"https_port", "", Type::integer, "443", "of that address", {}, {1, 65535}},
     &Settings::https_port},
    {{"host", "domain", Type::text, "the request's",
      "requests for other hosts go to this one, \"www.a.com\" or \"www.a.com:8443\""},
     &Settings::host},
    {{"prefix", "", Type::path, "none", "put in front of paths that do not begin with it"},
     &Settings::prefix},
    {{"regex", "", Type::text, "none",
      "only paths that it is found in are redirected, to what `to` says"},
     &Settings::regex},
    {{"to", "", Type::text, "none",
      "a path or URL, with `$1` for the groups of `regex`; the query is kept"},
     &Settings::to},
    {{"status", "", Type::integer, "307", "301, 302, 303, 307 or 308", {}, {301, 308}},
     &Settings::status},
};

class Redirect final : public Plugin {
 public:
  Redirect(Settings settings, std::optional<Regex> regex) noexcept
      : settings_(std::move(settings)), regex_(std::move(regex)) {}

  uint8_t hooks() const noexcept override { return kRequest; }

  Verdict on_request(Context& context) const noexcept override {
    const exchange::Exchange& x = context.x;
    if (regex_) {
      return by_regex(context);
    }
    const bool secure = settings_.http_to_https && x.scheme != "https";
    const bool moves = !settings_.host.value.empty() && x.request.authority != settings_.host.value;
    const bool below =
        !settings_.prefix.empty() && !route::is_path_prefix(settings_.prefix, x.uri.match_path);
    if (!secure && !moves && !below) {
      return Verdict::next;
    }
    if (x.request.authority.empty() && settings_.host.value.empty()) {
      return context.refuse(400, ErrorCode::bad_host, "a redirect needs to know the host");
    }
    return send(context, secure || x.scheme == "https" ? "https://" : "http://",
                authority(context, secure), below ? settings_.prefix : std::string_view(""),
                x.uri.target);
  }

 private:
  // The port that was asked for is that of HTTP: only where it stays that, it is kept.
  std::string_view authority(Context& context, bool secure) const noexcept {
    if (!settings_.host.value.empty()) {
      return settings_.host.value;
    }
    const http::RequestHead& head = context.x.request;
    if (!secure) {
      return head.authority;
    }
    if (settings_.https_port == 443) {
      return head.host;
    }
    return context.x.arena.concat(head.host, ":", port_text_);
  }

  Verdict by_regex(Context& context) const noexcept {
    exchange::Exchange& x = context.x;
    std::array<std::string_view, 10> groups;
    if (!regex_->match_captures(x.uri.path, groups)) {
      return Verdict::next;
    }
    const std::string_view made = fill_groups(settings_.to.value, groups, x.arena);
    // For a browser that is another host, and a path that somebody else has chosen.
    if (made.starts_with("//") || made.starts_with("/\\")) {
      return context.refuse(400, ErrorCode::bad_target, "the redirect would lead to another host");
    }
    const std::string_view query = x.uri.query;
    return send(context, "", "", made,
                query.empty() ? std::string_view("") : x.arena.concat("?", query));
  }

  Verdict send(Context& context, std::string_view scheme, std::string_view authority,
               std::string_view prefix, std::string_view target) const noexcept {
    exchange::Exchange& x = context.x;
    Answer& answer = context.answer;
    answer.status = static_cast<uint16_t>(settings_.status);
    answer.headers = http::HeaderMap::copy({}, x.arena, 4);
    answer.headers.add(http::HeaderId::location, x.arena.concat(scheme, authority, prefix, target));
    return Verdict::respond;
  }

  Settings settings_;
  std::optional<Regex> regex_;
  std::string port_text_ = std::to_string(settings_.https_port);
};

void check_to(const Settings& settings, const Making& making) {
  const std::string_view to = settings.to.value;
  const bool is_url = to.starts_with("https://") || to.starts_with("http://");
  // "//evil" and "/\evil" are other hosts for a browser.
  if (!to.empty() && !is_url &&
      (!to.starts_with('/') || to.starts_with("//") || to.starts_with("/\\"))) {
    making.reader.error(settings.to.at, {config::quote(to) + " is neither a path nor a URL",
                                         R"("/new/$1" or "https://a.com/$1")",
                                         {}});
  }
  // What a group brings must not become a part of the host.
  if (const size_t slash = is_url ? to.find('/', to.find("://") + 3) : 0; to.find('$') < slash) {
    making.reader.error(
        settings.to.at,
        {"a group in the host of a URL", {}, "put a `/` between the host and the first group"});
  }
}

std::shared_ptr<const Plugin> make(const Making& making) {
  config::Reader& reader = making.reader;
  Settings settings;
  read_options(making.entry, kOptions, reader, settings);
  auto regex = compile_replacement(settings.regex, settings.to, reader);
  check_to(settings, making);
  while (settings.prefix.ends_with('/')) {
    settings.prefix.pop_back();  // the path behind it begins with one
  }
  const bool plain =
      settings.http_to_https || !settings.host.value.empty() || !settings.prefix.empty();
  if (plain == !settings.regex.value.empty()) {
    reader.error(making.entry.at,
                 {"a redirect that is either nothing or two things",
                  "`regex` with `to`, or some of `http_to_https`, `host` and `prefix`",
                  {}});
  }
  if (settings.status > 303 && settings.status < 307) {
    reader.error(making.entry.at, {"`status` is no redirect", "301, 302, 303, 307 or 308", {}});
  }
  return std::make_shared<Redirect>(std::move(settings), std::move(regex));
}

}  // namespace

const Kind kRedirect{
    "redirect", "", "sends clients to another address", Phase::guard, describe_options<kOptions>,
    make};

}  // namespace pingap::plugin
