#include "demo/describe.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/log_escape.h"
#include "base/strings.h"

namespace pingap::demo {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

bool is_told(const http::Field& field) noexcept {
  const std::string_view name = field.name();
  return field.id == http::HeaderId::via || field.id == http::HeaderId::forwarded ||
         (name.size() > 2 && iequals(name.substr(0, 2), "X-"));
}

// In the order they came; repeated ones joined (RFC 9110 5.3).
Headers told_headers(const http::RequestHead& head) {
  Headers headers = {{"Host", std::string(head.authority)}};
  for (const http::Field& field : head.headers.fields()) {
    if (!is_told(field)) {
      continue;
    }
    const auto known = std::ranges::find_if(
        headers, [&](const auto& header) { return iequals(header.first, field.name()); });
    if (known == headers.end()) {
      headers.emplace_back(field.name(), field.value());
    } else {
      known->second.append(", ").append(field.value());
    }
  }
  return headers;
}

std::string quoted(std::string_view value) {
  std::string out(value.size() * 6, ' ');  // the longest escape of a byte
  bool cut = false;
  const char* end = escape_json(value, out.data(), out.data() + out.size(), cut);
  out.resize(static_cast<size_t>(end - out.data()));
  return '"' + out + '"';
}

}  // namespace

std::string describe(const http::RequestHead& head, std::string_view backend, bool json) {
  std::string text;
  if (!json) {
    text.append("backend ").append(backend).append(": ").append(head.method_text).append(" ");
    text.append(head.target).append(" ").append(to_string(head.version)).append("\n");
    for (const auto& [name, value] : told_headers(head)) {
      text.append(name).append(": ").append(value).append("\n");
    }
    return text;
  }
  text.append("{\"backend\":").append(quoted(backend));
  text.append(",\"method\":").append(quoted(head.method_text));
  text.append(",\"path\":").append(quoted(head.target));
  text.append(",\"proto\":").append(quoted(to_string(head.version)));
  text.append(",\"headers\":{");
  char before = '\0';
  for (const auto& [name, value] : told_headers(head)) {
    if (before != '\0') {
      text += before;
    }
    text.append(quoted(name)).append(":").append(quoted(value));
    before = ',';
  }
  return text += '}';
}

void finish_description(std::string& text, uint64_t body_bytes, bool json) {
  if (json) {
    text.append(",\"body_bytes\":").append(std::to_string(body_bytes)).append("}\n");
  } else if (body_bytes > 0) {
    text.append("body: ").append(std::to_string(body_bytes)).append(" bytes\n");
  }
}

}  // namespace pingap::demo
