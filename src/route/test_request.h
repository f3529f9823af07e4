// A request for the tests of routing: a head with its own storage. Tests only.
#pragma once

#include <array>
#include <deque>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "http/host.h"
#include "http/uri.h"
#include "route/conditions.h"

namespace pingap::route {

class TestRequest {
 public:
  explicit TestRequest(std::string_view host, std::string_view target,
                       std::initializer_list<std::pair<const char*, const char*>> headers = {},
                       std::string_view method = "GET")
      : target_(target), host_(host), method_(method) {
    head_.headers = http::HeaderMap(fields_);
    head_.method = http::parse_method(method_);
    head_.method_text = method_;
    for (const auto& [name, value] : headers) {
      head_.headers.add(std::string_view(name), std::string_view(value));
    }
    const auto canonical = http::canonicalize(target_, {}, arena_);
    if (canonical) {
      canonical_ = *canonical;
    }
  }

  MatchInput input() {
    return {&head_, http::normalize_host(host_, arena_), canonical_.match_path, canonical_.query};
  }

  const http::Canonical& canonical() const { return canonical_; }

  const http::RequestHead& head() const { return head_; }

  Arena& arena() { return arena_; }

 private:
  Arena arena_;
  std::string target_;
  std::string host_;
  std::string method_;
  std::array<http::Field, 16> fields_;
  http::RequestHead head_;
  http::Canonical canonical_;
};

}  // namespace pingap::route
