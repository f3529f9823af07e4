// Whether a plugin is for a request: what `when` and `unless` say. Built on the control thread,
// then immutable; any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/ip.h"
#include "base/regex.h"
#include "config/model.h"
#include "config/reader.h"
#include "exchange/exchange.h"
#include "http/field_name.h"

namespace pingap::plugin {

class Condition {
 public:
  // What is wrong goes to `reader`.
  Condition(const config::Condition& from, config::Reader& reader);

  bool holds(const exchange::Exchange& x) const noexcept;

 private:
  struct Header {
    http::FieldName name;
    std::optional<std::string> value;
  };

  bool path_fits(std::string_view path) const noexcept;
  bool header_fits(const Header& wanted, const http::HeaderMap& headers) const noexcept;

  std::vector<std::string> exact_;
  std::vector<std::string> prefixes_;
  std::vector<Regex> patterns_;
  std::vector<std::string> methods_;
  std::vector<Header> headers_;
  NetworkSet remote_;
};

class Conditions {
 public:
  Conditions() = default;
  Conditions(const config::Conditions& from, config::Reader& reader);

  bool empty() const noexcept { return !when_ && !unless_; }

  bool hold(const exchange::Exchange& x) const noexcept {
    return (!when_ || when_->holds(x)) && (!unless_ || !unless_->holds(x));
  }

 private:
  std::optional<Condition> when_;
  std::optional<Condition> unless_;
};

}  // namespace pingap::plugin
