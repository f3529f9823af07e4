// What a location asks of a request besides host and path: methods, match_headers, match_query,
// match_cookies. All must hold. Built on the control thread, then immutable; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/model.h"
#include "http/field_name.h"
#include "http/head.h"

namespace pingap::route {

// A request as the router sees it. The views must be what the proxy forwards and logs.
struct MatchInput {
  const http::RequestHead* head;
  std::string_view host;   // http::normalize_host()
  std::string_view path;   // http::Canonical::match_path
  std::string_view query;  // without `?`
};

class Conditions {
 public:
  explicit Conditions(const config::Location& location);

  // How many conditions there are; a list of methods is one.
  size_t size() const noexcept;
  bool hold(const MatchInput& input) const noexcept;
  // Says which condition does not hold; empty when all do.
  std::string explain(const MatchInput& input) const;

 private:
  struct Match {
    std::string name;
    std::optional<std::string> value;
  };

  struct HeaderMatch {
    http::FieldName name;
    std::optional<std::string> value;
  };

  bool method_holds(const http::RequestHead& head) const noexcept;
  static bool header_holds(const HeaderMatch& match, const http::RequestHead& head) noexcept;
  static bool argument_holds(const Match& match, std::string_view query) noexcept;
  static bool cookie_holds(const Match& match, const http::RequestHead& head) noexcept;

  uint32_t methods_ = 0;                    // bit = http::Method
  std::vector<std::string> other_methods_;  // without a Method of their own
  bool any_method_;
  std::vector<HeaderMatch> headers_;
  std::vector<Match> arguments_;
  std::vector<Match> cookies_;
};

}  // namespace pingap::route
