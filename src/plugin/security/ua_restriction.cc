// ua_restriction: which programs may come, as far as they say who they are. Of several User-Agent
// fields each has to pass: which one counts for the backend is not known.
#include "plugin/security/kinds.h"
#include "plugin/security/list_mode.h"
#include "plugin/security/pattern_list.h"

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
  UaRestriction(Settings settings, PatternList patterns) noexcept
      : settings_(std::move(settings)), patterns_(std::move(patterns)) {}

  uint8_t hooks() const noexcept override { return kRequest; }

  Verdict on_request(Context& context) const noexcept override {
    bool said = false;
    for (const http::Field& field : context.x.request.headers.fields()) {
      if (field.id != http::HeaderId::user_agent || field.removed() || field.value().empty()) {
        continue;
      }
      said = true;
      if (patterns_.match(field.value()) == settings_.denies()) {
        return decide(context, false, settings_.message, "user agent is not allowed");
      }
    }
    return decide(context, said || settings_.denies() || settings_.allow_missing, settings_.message,
                  "no user agent");
  }

 private:
  Settings settings_;
  PatternList patterns_;
};

std::shared_ptr<const Plugin> make(const Making& making) {
  Settings settings;
  read_options(making.entry, kOptions, making.reader, settings);
  PatternList patterns;
  for (const Located<std::string>& one : settings.ua_list) {
    patterns.add(one.value, one.at, making.reader);
  }
  patterns.compile(making.entry.at, making.reader);
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
