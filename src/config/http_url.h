// The parts of "http://HOST[:PORT][/PATH]", as sections name whom they send something to. Pure.
#pragma once

#include <string_view>

namespace pingap::config {

struct HttpUrl {
  bool tls = false;          // https://
  bool scheme = false;       // there is one
  std::string_view address;  // HOST[:PORT], not checked
  std::string_view path;     // with its slash; empty = none
};

HttpUrl split_http_url(std::string_view text) noexcept;

bool has_port(std::string_view address) noexcept;

// Printable, and without a fragment.
bool is_url_path(std::string_view path) noexcept;

}  // namespace pingap::config
