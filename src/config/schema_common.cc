// Keys that several sections have.
#include <algorithm>

#include "base/ip.h"
#include "base/strings.h"
#include "config/schema.h"
#include "config/suggest.h"
#include "config/syntax.h"

namespace pingap::config {

std::vector<FieldMatch> read_matches(Reader& reader, const Field& field) {
  auto matches = reader.pairs(field);
  std::erase_if(matches, [&](const FieldMatch& match) {
    if (!match.name.empty()) {
      return false;
    }
    reader.error(match.at, {"a condition without a name", R"("name:value" or "name")", {}});
    return true;
  });
  return matches;
}

void read_match_headers(Reader& reader, const Field& field, std::vector<FieldMatch>& out) {
  out = read_matches(reader, field);
  for (const FieldMatch& match : out) {
    reader.check(match.at, check_header_name(match.name));
  }
}

void set_pair(Collector::Pairs& pairs, std::string name, std::string value) {
  const auto known = std::ranges::find(pairs, name, &Collector::Pairs::value_type::first);
  if (known != pairs.end()) {
    known->second = std::move(value);
    return;
  }
  pairs.emplace_back(std::move(name), std::move(value));
}

void read_secret_headers(Reader& reader, const Field& field, Collector::Pairs& out) {
  reader.diagnostics().hide(field.value.at);
  for (FieldMatch& pair : reader.pairs(field)) {
    reader.diagnostics().hide(pair.at);
    if (!reader.check(pair.at, check_header_name(pair.name))) {
      continue;
    }
    if (!pair.value) {
      reader.error(pair.at, {"a header without a value", R"(["Authorization: Bearer ..."])", {}});
      continue;
    }
    set_pair(out, std::move(pair.name), std::move(*pair.value));
  }
}

void read_methods(Reader& reader, const Field& field, std::vector<std::string>& out) {
  for (Located<std::string>& method : reader.list(field, Commas::yes)) {
    if (!is_token(method.value)) {
      reader.error(method.at, {quote(method.value) + " is not a method", {}, {}});
      continue;
    }
    std::ranges::transform(method.value, method.value.begin(), [](char c) {
      return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
    });
    if (std::ranges::find(out, method.value) == out.end()) {
      out.push_back(std::move(method.value));
    }
  }
}

void read_networks(Reader& reader, const Field& field, std::vector<Located<std::string>>& out) {
  out = reader.list(field, Commas::yes);
  for (const Located<std::string>& one : out) {
    if (!Network::parse(one.value)) {
      reader.error(one.at, {quote(one.value) + " is not an address or network",
                            R"("192.0.2.1", "10.0.0.0/8" or "2001:db8::/32")",
                            {}});
    }
  }
}

}  // namespace pingap::config
