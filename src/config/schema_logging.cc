// [logging]: the application log, and how log files are rotated; and the keys of access logs, which
// servers and locations share.
#include <array>

#include "base/strings.h"
#include "config/schema.h"
#include "config/suggest.h"
#include "config/syntax.h"

namespace pingap::config {
namespace {

// In the order of log::Format and RotateEvery.
constexpr std::array<std::string_view, 3> kFormats = {"text", "json", "auto"};
constexpr std::array<std::string_view, 3> kEvery = {"never", "hour", "day"};
constexpr std::array<std::string_view, 6> kLevels = {"trace", "debug", "info",
                                                     "warn",  "error", "off"};

constexpr Range kKeep{0, 10'000};
constexpr Range kSample{0, 1'000'000};

void read_levels(Reader& reader, const Field& field, Logging& out) {
  for (const FieldMatch& pair : reader.pairs(field)) {
    const auto component = log::find_component(pair.name);
    if (!component) {
      reader.error(pair.at, {quote(pair.name) + " is no part of the program",
                             "one of " + join_names(log::kComponents, log::kComponents.size()),
                             {}});
      continue;
    }
    const auto level = pair.value ? parse_log_level(trim(*pair.value)) : std::nullopt;
    if (!level) {
      reader.error(pair.at, {quote(pair.name) + " needs a level",
                             "one of " + join_names(kLevels, kLevels.size()),
                             {}});
      continue;
    }
    out.levels.emplace_back(*component, *level);
  }
}

constexpr Key<Logging> kKeys[] = {
    {{"output", "", "log target", "\"stderr\""},
     [](Reader& reader, const Field& field, Logging& out) { reader.text(field, out.output); }},
    {{"format", "", "`\"text\"`, `\"json\"` or `\"auto\"`", "\"text\""},
     [](Reader& reader, const Field& field, Logging& out) {
       if (const auto found = reader.choice(field, kFormats)) {
         out.format = static_cast<log::Format>(*found);
       }
     }},
    {{"levels", "", "list of levels", "log_level"}, read_levels},
    {{"syslog_facility", "", "facility", "\"daemon\""},
     [](Reader& reader, const Field& field, Logging& out) { reader.text(field, out.facility); }},
    {{"rotate_size", "", "size", "0"},
     [](Reader& reader, const Field& field, Logging& out) { reader.size(field, out.rotate_size); }},
    {{"rotate_every", "", "`\"never\"`, `\"hour\"` or `\"day\"`", "\"never\""},
     [](Reader& reader, const Field& field, Logging& out) {
       if (const auto found = reader.choice(field, kEvery)) {
         out.rotate_every = static_cast<RotateEvery>(*found);
       }
     }},
    {{"rotate_keep", "", "integer", "14"},
     [](Reader& reader, const Field& field, Logging& out) {
       reader.integer(field, kKeep, out.rotate_keep);
     }},
    {{"rotate_max_age", "", "duration", "none"},
     [](Reader& reader, const Field& field, Logging& out) {
       reader.duration(field, Zero::refused, out.rotate_max_age);
     }},
    {{"rotate_compress", "", "boolean", "false"},
     [](Reader& reader, const Field& field, Logging& out) {
       reader.boolean(field, out.rotate_compress);
     }},
};

}  // namespace

const Schema<Logging> kLoggingSchema{kKeys, {}};

void read_access_log(Reader& reader, const Field& field, AccessLog& out) {
  reader.text(field, out.to);
}

void read_access_log_format(Reader& reader, const Field& field, AccessLog& out) {
  reader.text(field, out.format);
}

void read_access_log_status(Reader& reader, const Field& field, AccessLog& out) {
  StatusSet statuses;
  for (const Located<std::string>& one : reader.list(field, Commas::yes)) {
    if (!statuses.add(one.value)) {
      reader.error(one.at,
                   {quote(one.value) + " is no status", R"("404", "5xx" or "400-499")", {}});
    }
  }
  out.statuses = statuses;
}

void read_access_log_min_duration(Reader& reader, const Field& field, AccessLog& out) {
  reader.duration(field, out.min_duration);
}

void read_access_log_sample(Reader& reader, const Field& field, AccessLog& out) {
  uint32_t sample = 0;
  if (reader.integer(field, kSample, sample)) {
    out.sample = sample;
  }
}

void read_access_log_redact(Reader& reader, const Field& field, AccessLog& out) {
  std::vector<std::string> names;
  for (const Located<std::string>& one : reader.list(field, Commas::yes)) {
    const bool argument = one.value.starts_with('?');
    if ((argument && one.value.size() == 1) || (!argument && !is_token(one.value))) {
      reader.error(one.at, {quote(one.value) + " names nothing that could be hidden",
                            "the name of a header, or \"?NAME\" of a parameter in the query",
                            {}});
      continue;
    }
    names.push_back(one.value);
  }
  out.redact = std::move(names);
}

}  // namespace pingap::config
