#include "proxy/loop_guard.h"

#include "base/strings.h"
#include "http/limits.h"

namespace pingap::proxy {
namespace {

// The received-by of one entry: "1.1 name", "HTTP/1.1 name:80 (comment)".
std::string_view received_by(std::string_view entry) noexcept {
  constexpr std::string_view kBlanks = " \t";
  const size_t blank = entry.find_first_of(kBlanks);
  if (blank == std::string_view::npos) {
    return {};
  }
  const std::string_view rest = trim(entry.substr(blank));
  return rest.substr(0, rest.find_first_of(kBlanks));
}

}  // namespace

bool is_loop(const http::HeaderMap& headers, std::string_view own) noexcept {
  size_t passes = 0;
  for (const http::Field& field : headers.fields()) {
    if (field.id != http::HeaderId::via) {
      continue;
    }
    std::string_view list = field.value();
    std::string_view entry;
    while (next_list_item(list, entry)) {
      if (iequals(received_by(entry), own)) {
        ++passes;
      }
    }
  }
  return passes > http::limits::kPasses;
}

}  // namespace pingap::proxy
