// geo_restriction: who may come, by the country or continent of the client's address.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/file_state.h"
#include "base/strings.h"
#include "config/suggest.h"
#include "plugin/file_watch.h"
#include "plugin/security/geo_database.h"
#include "plugin/security/kinds.h"
#include "plugin/security/list_mode.h"
#include "plugin/swapped.h"

namespace pingap::plugin {
namespace {

using Type = OptionInfo::Type;
using Databases = Swapped<GeoDatabase>;

constexpr std::array<std::string_view, 3> kModes = {"allow", "deny", "report"};
constexpr std::array<std::string_view, 3> kUnknown = {"unlisted", "allow", "deny"};
constexpr std::array<std::string_view, 7> kContinents = {"AF", "AN", "AS", "EU", "NA", "OC", "SA"};

struct Settings {
  Located<std::string> database;
  std::vector<Located<std::string>> countries;
  std::vector<Located<std::string>> continents;
  Located<size_t> mode{0, {}};
  Located<size_t> unknown{0, {}};
  std::string message;
};

constexpr Option<Settings> kOptions[] = {
    {{"database", "", Type::text, "required",
      "a file of the MaxMind DB format, such as GeoLite2-Country.mmdb; changes are taken up by "
      "themselves"},
     &Settings::database},
    {{"countries", "country_codes", Type::list, "none", "codes of ISO 3166-1: \"DE\", \"US\""},
     &Settings::countries},
    {{"continents", "", Type::list, "none",
      "\"AF\", \"AN\", \"AS\", \"EU\", \"NA\", \"OC\", \"SA\""},
     &Settings::continents},
    {{"mode", "", Type::choice, "\"allow\"",
      "`allow`: only these may come; `deny`: all but these; `report`: all, and `$country` says "
      "where they are",
      kModes},
     &Settings::mode},
    {{"unknown", "", Type::choice, "\"unlisted\"",
      "addresses that are in no country (private ones are not): as one that is not listed, or "
      "always in or out",
      kUnknown},
     &Settings::unknown},
    {{"message", "", Type::text, "an error page", "what the others are told"}, &Settings::message},
};

class GeoRestriction final : public Plugin {
 public:
  GeoRestriction(const Settings& settings, std::shared_ptr<Databases> databases,
                 std::unique_ptr<FileWatch> watch)
      : databases_(std::move(databases)),
        watch_(std::move(watch)),
        message_(settings.message),
        mode_(kModes[settings.mode.value]),
        unknown_(kUnknown[settings.unknown.value]) {
    for (const auto& one : settings.countries) {
      countries_.push_back(one.value);
    }
    for (const auto& one : settings.continents) {
      continents_.push_back(one.value);
    }
  }

  uint8_t hooks() const noexcept override { return kRequest; }

  Verdict on_request(Context& context) const noexcept override {
    exchange::Exchange& x = context.x;
    const GeoDatabase::Place place = databases_->of(context.host.worker())->find(x.client_ip);
    // The database may go before the request does.
    x.country = x.arena.copy(place.country);
    x.continent = x.arena.copy(place.continent);
    if (mode_ == "report") {
      return Verdict::next;
    }
    const bool known = !place.country.empty() || !place.continent.empty();
    const bool listed = lists(countries_, place.country) || lists(continents_, place.continent);
    const bool passes =
        !known && unknown_ != "unlisted" ? unknown_ == "allow" : listed == (mode_ == "allow");
    return decide(context, passes, message_,
                  known ? "country is not allowed" : "country is not known");
  }

 private:
  static bool lists(const std::vector<std::string>& codes, std::string_view code) noexcept {
    return !code.empty() &&
           std::ranges::any_of(codes, [&](const std::string& one) { return iequals(one, code); });
  }

  std::shared_ptr<Databases> databases_;
  std::unique_ptr<FileWatch> watch_;
  std::string message_;
  std::string_view mode_;
  std::string_view unknown_;
  std::vector<std::string> countries_;
  std::vector<std::string> continents_;
};

bool is_letter(char c) noexcept {
  return to_lower(c) >= 'a' && to_lower(c) <= 'z';
}

void check_codes(const Settings& settings, const Making& making) {
  for (const auto& one : settings.countries) {
    if (one.value.size() != 2 || !std::ranges::all_of(one.value, is_letter)) {
      making.reader.error(
          one.at, {config::quote(one.value) + " is no code of a country", R"("DE", "US")", {}});
    }
  }
  for (const auto& one : settings.continents) {
    const auto is_it = [&](std::string_view known) { return iequals(known, one.value); };
    if (std::ranges::none_of(kContinents, is_it)) {
      making.reader.error(one.at, {config::quote(one.value) + " is no code of a continent",
                                   "one of " + config::join_names(kContinents, 7),
                                   {}});
    }
  }
  const bool reports = kModes[settings.mode.value] == "report";
  if (!reports && settings.countries.empty() && settings.continents.empty()) {
    making.reader.error(making.entry.at,
                        {"neither `countries` nor `continents`", "or `mode` = \"report\"", {}});
  }
}

std::shared_ptr<const Plugin> make(const Making& making) {
  Settings settings;
  read_options(making.entry, kOptions, making.reader, settings);
  check_codes(settings, making);
  const std::string& path = settings.database.value;
  if (path.empty()) {
    making.reader.error(making.entry.at, {"geo_restriction without a database", "a path", {}});
    return nullptr;
  }
  making.files.push_back(path);
  std::string state = file_state(path);
  auto database = GeoDatabase::open(path);
  if (!database) {
    making.reader.error(
        settings.database.at,
        {fmt::format("cannot use {}: {}", config::quote(path), database.error()), {}, {}});
    return nullptr;
  }
  auto databases = std::make_shared<Databases>(making.workers, std::move(*database));
  auto watch = std::make_unique<FileWatch>(
      FileWatch::Settings{making.entry.name, "countries", path, std::move(state)},
      [path, databases]() -> tl::expected<void, std::string> {
        auto next = GeoDatabase::open(path);
        if (!next) {
          return tl::unexpected(std::move(next.error()));
        }
        databases->publish(std::move(*next));
        return {};
      });
  return std::make_shared<GeoRestriction>(settings, std::move(databases), std::move(watch));
}

}  // namespace

const Kind kGeoRestriction{"geo_restriction",
                           "",
                           "lets in or keeps out by the country of the client's address",
                           Phase::guard,
                           describe_options<kOptions>,
                           make};

}  // namespace pingap::plugin
