// response_headers and request_headers: edits of fields, in this order: remove, rename, set, set
// where missing, add.
#include <algorithm>

#include "base/status_set.h"
#include "base/strings.h"
#include "config/suggest.h"
#include "http/field_name.h"
#include "plugin/fields.h"
#include "plugin/headers.h"
#include "plugin/transform/kinds.h"

namespace pingap::plugin {
namespace {

using Type = OptionInfo::Type;

struct Settings {
  std::vector<config::FieldMatch> add, set, set_if_missing, rename;
  std::vector<Located<std::string>> remove;
  std::vector<Located<std::string>> status;
};

constexpr Option<Settings> kRequestOptions[] = {
    {{"remove", "remove_headers", Type::list, "none", "names of fields"}, &Settings::remove},
    {{"rename", "rename_headers", Type::pairs, "none", "\"Old: New\""}, &Settings::rename},
    {{"set", "set_headers", Type::pairs, "none", "instead of what is there"}, &Settings::set},
    {{"set_if_missing", "set_headers_not_exists", Type::pairs, "none", "where there is none"},
     &Settings::set_if_missing},
    {{"add", "add_headers", Type::pairs, "none", "beside what is there"}, &Settings::add},
};

constexpr Option<Settings> kResponseOptions[] = {
    kRequestOptions[0],
    kRequestOptions[1],
    kRequestOptions[2],
    kRequestOptions[3],
    kRequestOptions[4],
    {{"status", "", Type::list, "any", "only for these: \"200\", \"4xx\", \"500-503\""},
     &Settings::status},
};

struct Rename {
  http::FieldName from;
  std::string to;
};

struct Edits {
  std::vector<http::FieldName> remove;
  std::vector<Rename> rename;
  FieldList set, set_if_missing, add;
};

bool edits_nothing(const Settings& settings) noexcept {
  return settings.add.empty() && settings.set.empty() && settings.set_if_missing.empty() &&
         settings.rename.empty() && settings.remove.empty();
}

Edits compile(const Settings& settings, config::EditOf message, const Making& making) {
  config::Reader& reader = making.reader;
  if (edits_nothing(settings)) {
    reader.diagnostics().warning(making.entry.at, "a plugin that edits no field",
                                 "`remove`, `rename`, `set`, `set_if_missing` or `add`");
  }
  Edits edits;
  for (const auto& name : settings.remove) {
    if (reader.check(name.at, config::check_header_name(name.value)) &&
        reader.check(name.at, config::check_header_edit(name.value, message))) {
      edits.remove.emplace_back(name.value);
    }
  }
  for (const config::FieldMatch& pair : settings.rename) {
    if (!pair.value || pair.value->empty()) {
      reader.error(pair.at, {config::quote(pair.name) + " has no new name", R"("Old: New")", {}});
      continue;
    }
    for (const std::string_view name :
         {std::string_view(pair.name), std::string_view(*pair.value)}) {
      reader.check(pair.at, config::check_header_name(name));
      reader.check(pair.at, config::check_header_edit(name, message));
    }
    edits.rename.push_back({http::FieldName(pair.name), *pair.value});
  }
  edits.set = FieldList::compile(settings.set, message, reader);
  edits.set_if_missing = FieldList::compile(settings.set_if_missing, message, reader);
  edits.add = FieldList::compile(settings.add, message, reader);
  return edits;
}

void rename(http::HeaderMap& headers, const Rename& rule, uint8_t flags) noexcept {
  // Those that are added behind are not looked at.
  for (size_t i = 0, n = headers.size(); i < n; ++i) {
    http::Field& field = headers.fields()[i];
    if (rule.from.is_name_of(field)) {
      field.remove();
      const std::string_view value = field.value();
      if (headers.add(rule.to, value)) {
        headers.fields().back().flags |= flags;
      }
    }
  }
}

class ResponseHeaders final : public Plugin {
 public:
  ResponseHeaders(Edits edits, StatusSet statuses) noexcept
      : edits_(std::move(edits)), statuses_(statuses) {}

  uint8_t hooks() const noexcept override { return kResponse; }

  void on_response(Context& context) const noexcept override {
    exchange::Exchange& x = context.x;
    if (!statuses_.empty() && !statuses_.contains(x.response.status)) {
      return;
    }
    http::HeaderMap& headers = x.response.headers;
    for (http::Field& field : headers.fields()) {
      for (const http::FieldName& name : edits_.remove) {
        if (name.is_name_of(field)) {
          field.remove();
        }
      }
    }
    for (const Rename& rule : edits_.rename) {
      rename(headers, rule, 0);
    }
    for (const NamedTemplate& one : edits_.set.all()) {
      headers.remove(one.name);
      add_field(headers, one, one.value.render(x));
    }
    for (const NamedTemplate& one : edits_.set_if_missing.all()) {
      if (headers.find(one.name) == nullptr) {
        add_field(headers, one, one.value.render(x));
      }
    }
    for (const NamedTemplate& one : edits_.add.all()) {
      add_field(headers, one, one.value.render(x));
    }
  }

 private:
  Edits edits_;
  StatusSet statuses_;  // empty = any
};

class RequestHeaders final : public Plugin {
 public:
  explicit RequestHeaders(Edits edits) noexcept : edits_(std::move(edits)) {}

  uint8_t hooks() const noexcept override { return kRequest; }

  Verdict on_request(Context& context) const noexcept override {
    exchange::Exchange& x = context.x;
    for (const http::FieldName& name : edits_.remove) {
      remove_request_header(x, name.text());
    }
    for (const Rename& rule : edits_.rename) {
      rename(x.request.headers, rule, http::Field::kOurs);
    }
    for (const NamedTemplate& one : edits_.set.all()) {
      set_request_header(x, one.name, one.value.render(x));
    }
    for (const NamedTemplate& one : edits_.set_if_missing.all()) {
      if (x.request.headers.find(one.name) == nullptr) {
        add_request_header(x, one.name, one.value.render(x));
      }
    }
    for (const NamedTemplate& one : edits_.add.all()) {
      add_request_header(x, one.name, one.value.render(x));
    }
    return Verdict::next;
  }

 private:
  Edits edits_;
};

std::shared_ptr<const Plugin> make_response(const Making& making) {
  Settings settings;
  read_options(making.entry, kResponseOptions, making.reader, settings);
  StatusSet statuses;
  for (const auto& one : settings.status) {
    if (!statuses.add(one.value)) {
      making.reader.error(
          one.at, {config::quote(one.value) + " is no status", R"("200", "4xx" or "500-503")", {}});
    }
  }
  return std::make_shared<ResponseHeaders>(compile(settings, config::EditOf::response, making),
                                           statuses);
}

// Host is one field of each request, and not among those that a plugin may change.
std::shared_ptr<const Plugin> make_request(const Making& making) {
  Settings settings;
  read_options(making.entry, kRequestOptions, making.reader, settings);
  for (const auto* list :
       {&settings.add, &settings.set, &settings.set_if_missing, &settings.rename}) {
    for (const config::FieldMatch& one : *list) {
      if (iequals(one.name, "host") || (one.value && iequals(*one.value, "host"))) {
        making.reader.error(one.at,
                            {"`Host` cannot be edited here",
                             {},
                             "use proxy_set_headers of the location, or type = \"rewrite\""});
      }
    }
  }
  return std::make_shared<RequestHeaders>(compile(settings, config::EditOf::request, making));
}

}  // namespace

const Kind kResponseHeaders{"response_headers",
                            "",
                            "edits the fields of answers",
                            Phase::transform,
                            describe_options<kResponseOptions>,
                            make_response};
const Kind kRequestHeaders{"request_headers",
                           "",
                           "edits the fields of requests",
                           Phase::transform,
                           describe_options<kRequestOptions>,
                           make_request};

}  // namespace pingap::plugin
