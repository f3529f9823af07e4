// referer_restriction: from which sites a request may come. A browser says so; anybody else may say
// anything: it keeps pages from using our files, not people from getting them.
#include <algorithm>

#include "base/strings.h"
#include "config/syntax.h"
#include "http/host.h"
#include "plugin/security/kinds.h"
#include "plugin/security/list_mode.h"
#include "plugin/security/pattern_list.h"

namespace pingap::plugin {
namespace {

using Type = OptionInfo::Type;

struct Settings : ListMode {
  std::vector<Located<std::string>> referer_list;  // without patterns once compiled
  bool allow_missing = false;
};

constexpr Option<Settings> kOptions[] = {
    {{"referer_list", "", Type::list, "required",
      "hosts: \"a.com\", \"*.a.com\" for those below; or \"~ REGEX\", which is searched for in the "
      "whole address, in any case"},
     &Settings::referer_list},
    {{"mode", "", Type::choice, "\"allow\"", "`allow`: only from these; `deny`: not from these",
      kListModes},
     &Settings::mode},
    {{"allow_missing", "", Type::boolean, "false",
      "with `allow`: a request without Referer passes (typed addresses, strict browsers)"},
     &Settings::allow_missing},
    {{"message", "", Type::text, "an error page", "what the others are told"}, &Settings::message},
};

// The host of "https://a.com:8080/x"; empty where it is no such URL, or one that hides its host
// behind a user's name or escapes, which browsers never send.
std::string_view host_of_url(std::string_view url) noexcept {
  const size_t scheme = url.find("://");
  if (scheme == std::string_view::npos ||
      (!iequals(url.substr(0, scheme), "https") && !iequals(url.substr(0, scheme), "http"))) {
    return {};
  }
  std::string_view authority = url.substr(scheme + 3);
  authority = authority.substr(0, authority.find_first_of("/?#\\"));
  if (authority.starts_with('[')) {
    return authority.substr(0, authority.find(']') + 1);
  }
  std::string_view host = authority.substr(0, authority.find(':'));
  if (authority.find('@') != std::string_view::npos || host.find('%') != std::string_view::npos) {
    return {};
  }
  while (host.ends_with('.')) {
    host.remove_suffix(1);  // "a.com." is "a.com"
  }
  return host;
}

bool ends_in(std::string_view host, std::string_view suffix) noexcept {
  return host.size() > suffix.size() && iequals(host.substr(host.size() - suffix.size()), suffix);
}

class RefererRestriction final : public Plugin {
 public:
  RefererRestriction(Settings settings, PatternList patterns) noexcept
      : settings_(std::move(settings)), patterns_(std::move(patterns)) {}

  uint8_t hooks() const noexcept override { return kRequest; }

  Verdict on_request(Context& context) const noexcept override {
    const http::Field* only = nullptr;
    size_t count = 0;
    for (const http::Field& field : context.x.request.headers.fields()) {
      if (field.id == http::HeaderId::referer && !field.removed()) {
        only = &field;
        ++count;
      }
    }
    if (count == 0) {
      return decide(context, settings_.denies() || settings_.allow_missing, settings_.message,
                    "no referer");
    }
    const std::string_view host = count == 1 ? host_of_url(only->value()) : std::string_view{};
    if (host.empty()) {
      return decide(context, false, settings_.message, "referer is no address of a page");
    }
    const bool listed = lists(host) || patterns_.match(only->value());
    return decide(context, listed != settings_.denies(), settings_.message,
                  "referer is not allowed");
  }

 private:
  bool lists(std::string_view host) const noexcept {
    return std::ranges::any_of(settings_.referer_list, [&](const Located<std::string>& one) {
      return one.value.starts_with('*') ? ends_in(host, std::string_view(one.value).substr(1))
                                        : iequals(host, one.value);
    });
  }

  Settings settings_;
  PatternList patterns_;
};

std::shared_ptr<const Plugin> make(const Making& making) {
  Settings settings;
  read_options(making.entry, kOptions, making.reader, settings);
  PatternList patterns;
  for (const Located<std::string>& one : settings.referer_list) {
    if (one.value.starts_with('~')) {
      patterns.add(trim(std::string_view(one.value).substr(1)), one.at, making.reader);
    } else {
      making.reader.check(one.at, config::check_host(one.value));
    }
  }
  patterns.compile(making.entry.at, making.reader);
  std::erase_if(settings.referer_list,
                [](const Located<std::string>& one) { return one.value.starts_with('~'); });
  return std::make_shared<RefererRestriction>(std::move(settings), std::move(patterns));
}

}  // namespace

const Kind kRefererRestriction{"referer_restriction",
                               "referer",
                               "lets in or keeps out by the page that a request comes from",
                               Phase::guard,
                               describe_options<kOptions>,
                               make};

}  // namespace pingap::plugin
