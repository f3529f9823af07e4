// What neither logs nor traces show of a request: values of headers and of parameters of the query
// (security.md LG-04). Some names are secrets always, plugins and the configuration add more. Any
// thread.
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <span>
#include <string>
#include <string_view>

#include "exchange/exchange.h"

namespace pingap::exchange {

// Values of these headers are secrets: "***" stands in the log.
bool is_secret_header(std::string_view name) noexcept;
// The same of a parameter of the query, as it stands there: the name may be percent-encoded.
bool is_secret_parameter(std::string_view name) noexcept;
// Values of these headers are addresses, or have some, in which there may be secrets.
bool is_link_header(std::string_view name) noexcept;

// What the configuration hides beside that. Immutable; lists of exchanges point into it.
class Redaction {
 public:
  // Names of headers, and "?NAME" of parameters.
  explicit Redaction(std::span<const std::string> names = {});
  Redaction(const Redaction&) = delete;
  Redaction& operator=(const Redaction&) = delete;

  // Null: nothing.
  const SecretName* first() const noexcept { return secrets_.empty() ? nullptr : &secrets_.back(); }

 private:
  std::deque<std::string> names_;
  std::deque<SecretName> secrets_;  // a list, the last one first
};

// Lists of secrets: what plugins know of this request, and what the configuration says.
using SecretLists = std::array<const SecretName*, 2>;

inline SecretLists secrets_of(const Exchange& x) noexcept {
  return {x.secrets, x.redacted};
}

// Whether a list has a secret of this kind and name.
bool is_listed(const SecretLists& lists, SecretName::In in, std::string_view name) noexcept;

// Where a secret stands in a text.
struct SecretPlace {
  size_t begin = std::string_view::npos;  // npos: there is none
  size_t end = 0;
};

// The first one of a query at or behind `from`: the value of a parameter with a telling name, or
// with one that `more` lists.
SecretPlace find_secret(std::string_view query, size_t from, const SecretLists& more = {}) noexcept;
// The same of a part of an address between its '?' and '#': also "user:password" before a host.
SecretPlace find_link_secret(std::string_view part, size_t from, const SecretLists& more) noexcept;

}  // namespace pingap::exchange
