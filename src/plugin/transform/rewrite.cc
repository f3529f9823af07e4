// rewrite: another path, query or host for a request, as if it had come so. On a server before the
// location is looked for, on a location before its own `rewrite`.
#include <algorithm>
#include <array>

#include "base/regex.h"
#include "config/suggest.h"
#include "http/params.h"
#include "plugin/transform/host_option.h"
#include "plugin/transform/kinds.h"
#include "plugin/transform/replacement.h"

namespace pingap::plugin {
namespace {

using Type = OptionInfo::Type;

struct Settings {
  Located<std::string> regex;
  Located<std::string> to;
  Located<std::string> host;
  std::vector<config::FieldMatch> set_query;
  std::vector<std::string> remove_query;
};

constexpr Option<Settings> kOptions[] = {
    {{"regex", "", Type::text, "none", "the path that is found by it becomes what `to` says"},
     &Settings::regex},
    {{"to", "", Type::text, "none",
      "the new path, with `$1` for groups; with a `?` the query too, else the query stays"},
     &Settings::to},
    {{"host", "", Type::text, "the request's",
      "the new host, as in \"a.com\", \"a.com:8080\" or \"[::1]\""},
     &Settings::host},
    {{"set_query", "", Type::pairs, "none", "\"name: value\": parameters of the query"},
     &Settings::set_query},
    {{"remove_query", "", Type::list, "none", "names of parameters"}, &Settings::remove_query},
};

class Rewrite final : public Plugin {
 public:
  Rewrite(Settings settings, std::optional<Regex> regex, HostOption host) noexcept
      : settings_(std::move(settings)), regex_(std::move(regex)), host_(std::move(host)) {}

  uint8_t hooks() const noexcept override { return kRequest; }

  Verdict on_request(Context& context) const noexcept override {
    exchange::Exchange& x = context.x;
    if (x.request.asterisk) {
      return Verdict::next;
    }
    std::string_view path = x.uri.path;
    std::string_view query = x.uri.query;
    bool has_query = x.uri.has_query;
    std::array<std::string_view, 10> groups;
    if (regex_ && regex_->match_captures(path, groups)) {
      const std::string_view made = fill_groups(settings_.to.value, groups, x.arena);
      const size_t mark = made.find('?');
      path = made.substr(0, mark);
      if (mark != std::string_view::npos) {
        query = made.substr(mark + 1);
        has_query = true;
      }
    } else if (regex_ && !edits_others()) {
      return Verdict::next;
    }
    query = edit_query(query, x.arena);
    if (!host_.empty()) {
      x.request.authority = host_.text();
      x.request.host = host_.name();
      x.host = host_.normal();
    }
    const std::string_view target =
        has_query || !query.empty() ? x.arena.concat(path, "?", query) : path;
    // What groups bring may be anything: it is a path, or the request goes nowhere.
    const auto canonical = http::canonicalize(target, {}, x.arena);
    if (!canonical) {
      return context.refuse(400, ErrorCode::rewrite_failed, "what was made is no path");
    }
    x.uri = *canonical;
    return Verdict::next;
  }

 private:
  bool edits_others() const noexcept {
    return !host_.empty() || !settings_.set_query.empty() || !settings_.remove_query.empty();
  }

  bool replaces(std::string_view argument) const noexcept {
    const std::string_view name = argument.substr(0, argument.find('='));
    const auto same = [&](const std::string& one) { return http::equals_decoded(name, one); };
    return std::ranges::any_of(settings_.remove_query, same) ||
           std::ranges::any_of(settings_.set_query,
                               [&](const config::FieldMatch& one) { return same(one.name); });
  }

  std::string_view edit_query(std::string_view query, Arena& arena) const noexcept {
    if (settings_.set_query.empty() && settings_.remove_query.empty()) {
      return query;
    }
    std::string_view made = "";  // with data: it is copied
    const auto add = [&](std::string_view one) {
      made = made.empty() ? one : arena.concat(made, "&", one);
    };
    while (!query.empty()) {
      const size_t end = std::min(query.find('&'), query.size());
      if (const std::string_view one = query.substr(0, end); !one.empty() && !replaces(one)) {
        add(one);
      }
      query.remove_prefix(std::min(end + 1, query.size()));
    }
    for (const config::FieldMatch& one : settings_.set_query) {
      add(one.value ? arena.concat(one.name, "=", *one.value) : std::string_view(one.name));
    }
    return made;
  }

  Settings settings_;
  std::optional<Regex> regex_;
  HostOption host_;
};

std::shared_ptr<const Plugin> make(const Making& making) {
  config::Reader& reader = making.reader;
  Settings settings;
  read_options(making.entry, kOptions, reader, settings);
  auto regex = compile_replacement(settings.regex, settings.to, reader);
  if (!settings.to.value.empty() && !settings.to.value.starts_with('/')) {
    reader.error(settings.to.at,
                 {config::quote(settings.to.value) + " is not a path", R"("/new/$1")", {}});
  }
  HostOption host(settings.host, reader);
  for (const config::FieldMatch& one : settings.set_query) {
    // They are put into a URL as they are.
    if (one.name.find_first_of("&=#% ") != std::string::npos ||
        (one.value && one.value->find_first_of("&# ") != std::string::npos)) {
      reader.error(one.at, {"a parameter that has to be escaped", {}, "write %XX"});
    }
  }
  if (making.entry.options.members.empty()) {
    reader.diagnostics().warning(making.entry.at, "a rewrite that changes nothing");
  }
  return std::make_shared<Rewrite>(std::move(settings), std::move(regex), std::move(host));
}

}  // namespace

const Kind kRewrite{"rewrite",
                    "",
                    "gives requests another path, query or host",
                    Phase::transform,
                    describe_options<kOptions>,
                    make};

}  // namespace pingap::plugin
