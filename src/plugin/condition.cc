#include "plugin/condition.h"

#include <algorithm>

#include "base/strings.h"
#include "plugin/path.h"
#include "route/path.h"

namespace pingap::plugin {

Condition::Condition(const config::Condition& from, config::Reader& reader)
    : methods_(from.methods) {
  for (const auto& path : from.paths) {
    const std::string_view text = path.value;
    if (!text.starts_with('~')) {
      const bool exact = text.starts_with('=');
      if (auto plain = read_path(reader, path.at, exact ? trim(text.substr(1)) : text)) {
        (exact ? exact_ : prefixes_).push_back(std::move(*plain));
      }
    } else if (auto pattern = Regex::create(trim(text.substr(1)))) {
      patterns_.push_back(std::move(*pattern));
    } else {
      reader.error(path.at, {pattern.error(), {}, {}});
    }
  }
  for (const config::FieldMatch& match : from.match_headers) {
    headers_.push_back({http::FieldName(match.name), match.value});
  }
  for (const auto& network : from.remote) {
    if (const auto parsed = Network::parse(network.value)) {
      remote_.add(*parsed);
    }
  }
}

// Of the path as it is routed by: no other spelling of it gets around this.
bool Condition::path_fits(std::string_view path) const noexcept {
  const auto below = [&](const std::string& prefix) { return route::is_path_prefix(prefix, path); };
  return (exact_.empty() && prefixes_.empty() && patterns_.empty()) ||
         std::ranges::any_of(exact_, [&](const std::string& one) { return path == one; }) ||
         std::ranges::any_of(prefixes_, below) ||
         std::ranges::any_of(patterns_, [&](const Regex& one) { return one.matches(path); });
}

bool Condition::header_fits(const Header& wanted, const http::HeaderMap& headers) const noexcept {
  return std::ranges::any_of(headers.fields(), [&](const http::Field& field) {
    return wanted.name.is_name_of(field) && (!wanted.value || field.value() == *wanted.value);
  });
}

bool Condition::holds(const exchange::Exchange& x) const noexcept {
  return (methods_.empty() ||
          std::ranges::find(methods_, x.request.method_text) != methods_.end()) &&
         (remote_.empty() || remote_.contains(x.client_ip)) && path_fits(x.uri.match_path) &&
         std::ranges::all_of(headers_, [&](const Header& wanted) {
           return header_fits(wanted, x.request.headers);
         });
}

Conditions::Conditions(const config::Conditions& from, config::Reader& reader) {
  if (from.when) {
    when_.emplace(*from.when, reader);
  }
  if (from.unless) {
    unless_.emplace(*from.unless, reader);
  }
}

}  // namespace pingap::plugin
