// ua_restriction: which programs may come, as far as they say who they are.
#include "base/regex.h"
#include "plugin/security/kinds.h"
#include "plugin/security/list_mode.h"

namespace pingap::plugin {
namespace {

using Type = OptionInfo::Type;

struct Settings : ListMode {
  std::vector<Located<std::string>> ua_list;
  bool allow_missing = false;
};

constexpr Option<Settings> kOptions[] = {
    {{"ua_list", "", Type::list, "required",
      "regular expressions, searched for in any case: \"curl\", \"^Mozilla/\""},
     &Settings::ua_list},
    {{"mode", "", Type::choice, "\"allow\"", "`allow`: only these; `deny`: all but these",
      kListModes},
     &Settings::mode},
    {{"allow_missing", "", Type::boolean, "false",
      "with `allow`: a request without User-Agent passes"},
     &Settings::allow_missing},
    {{"message", "", Type::text, "an error page", "what the others are told"}, &Settings::message},
};

class UaRestriction final : public Plugin {
 public:
  UaRestriction(Settings settings, RegexSet patterns) noexcept
      : settings_(std::move(settings)), patterns_(std::move(patterns)) {}

  uint8_t hooks() const noexcept override { return kRequest; }

  Verdict on_request(Context& context) const noexcept override {
    const std::string_view agent = context.x.request.headers.get(http::HeaderId::user_agent);
    if (agent.empty()) {
      return decide(context, settings_.denies() || settings_.allow_missing, settings_.message,
                    "no user agent");
    }
    static thread_local std::vector<int> found;
    const bool listed = patterns_.match(agent, found);
    return decide(context, listed != settings_.denies(), settings_.message,
                  "user agent is not allowed");
  }

 private:
  Settings settings_;
  RegexSet patterns_;
};

std::shared_ptr<const Plugin> make(const Making& making) {
  Settings settings;
  read_options(making.entry, kOptions, making.reader, settings);
  if (settings.denies()) {
    warn_idle(making.entry, "allow_missing", "with `mode = \"deny\"`", making.reader);
  }
  RegexSet patterns(RegexCase::insensitive);
  for (const Located<std::string>& one : settings.ua_list) {
    if (auto added = patterns.add(one.value); !added) {
      making.reader.error(one.at, {std::move(added.error()), {}, {}});
    }
  }
  if (auto compiled = patterns.compile(); !compiled) {
    making.reader.error(making.entry.at, {std::move(compiled.error()), {}, {}});
  }
  return std::make_shared<UaRestriction>(std::move(settings), std::move(patterns));
}

}  // namespace

const Kind kUaRestriction{"ua_restriction",
                          "user_agent",
                          "lets in or keeps out by the User-Agent field",
                          Phase::guard,
                          describe_options<kOptions>,
                          make};

}  // namespace pingap::plugin
