#include "proxy/error_page.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "http/status.h"

namespace pingap::proxy {
namespace {

using http::HeaderId;

constexpr std::string_view kHtml =
    "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">"
    "<meta name=\"viewport\" content=\"width=device-width\"><title>{{status}} {{reason}}</title>\n"
    "<style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;"
    "margin:15vh auto;max-width:32em;padding:0 1em}h1{font-size:1.5em}"
    "code{opacity:.7}</style></head>\n"
    "<body><h1>{{status}} {{reason}}</h1><p><code>{{code}}</code></p></body>\n</html>\n";
constexpr std::string_view kJson =
    "{\"status\":{{status}},\"error\":\"{{reason}}\",\"code\":\"{{code}}\"}\n";

// The weight of a media range in thousandths (RFC 9110 12.4.2); 1000 where there is none.
unsigned quality(std::string_view parameters) noexcept {
  const size_t at = parameters.find("q=");
  if (at == std::string_view::npos) {
    return 1000;
  }
  unsigned value = 0;
  unsigned scale = 1000;
  for (const char c : parameters.substr(at + 2, 5)) {
    if (is_digit(c)) {
      value += static_cast<unsigned>(c - '0') * scale;
      scale /= 10;
    } else if (c != '.') {
      break;
    }
  }
  return std::min(value, 1000U);
}

// JSON only where the client likes it better than HTML, or names it first of equals.
bool wants_json(std::string_view accept) noexcept {
  unsigned best = 0;
  bool json = false;
  std::string_view item;
  while (next_list_item(accept, item)) {
    const std::string_view type = trim(item.substr(0, item.find(';')));
    const bool is_json = iequals(type, "application/json") || type.ends_with("+json");
    const bool is_html = iequals(type, "text/html") || iequals(type, "text/*") ||
                         iequals(type, "application/xhtml+xml");
    const unsigned weight = quality(item.substr(std::min(type.size(), item.size())));
    if ((is_json || is_html) && weight > best) {
      best = weight;
      json = is_json;
    }
  }
  return json;
}

struct Variable {
  std::string_view name;
  std::string_view value;
};

void expand(std::string_view text, std::span<const Variable> variables, ByteQueue& out) {
  for (;;) {
    const size_t open = text.find("{{");
    const size_t close = open == std::string_view::npos ? open : text.find("}}", open);
    if (close == std::string_view::npos) {
      out.append(text);
      return;
    }
    out.append(text.substr(0, open));
    const std::string_view name = trim(text.substr(open + 2, close - open - 2));
    for (const Variable& variable : variables) {
      if (variable.name == name) {
        out.append(variable.value);
      }
    }
    text.remove_prefix(close + 2);
  }
}

}  // namespace

void ErrorPages::set_template(std::string text) {
  template_ = std::move(text);
  template_is_json_ = template_.starts_with('{') && !template_.starts_with("{{");
}

void ErrorPages::render(uint16_t status, ErrorCode code, std::string_view accept, Arena& arena,
                        http::ResponseHead& head, ByteQueue& body) const {
  const bool json = template_.empty() ? wants_json(accept) : template_is_json_;
  const std::string_view text = !template_.empty() ? std::string_view(template_)
                                : json             ? kJson
                                                   : kHtml;
  char digits[8];
  const auto end = fmt::format_to_n(digits, sizeof(digits), "{}", status).out;
  const std::string_view number(digits, static_cast<size_t>(end - digits));
  const Variable variables[] = {
      {"status", number},
      {"reason", http::reason_phrase(status)},
      {"code", to_string(code)},
      {"version", PINGAP_VERSION},
      // The original's names.
      {"error_type", to_string(code)},
      {"content", http::reason_phrase(status)},
  };
  expand(text, variables, body);
  head = {};
  head.status = status;
  head.reason = http::reason_phrase(status);
  head.framing = http::Framing::length;
  head.content_length = body.size();
  head.has_content_length = true;
  head.headers = http::HeaderMap(std::span(arena.make_array<http::Field>(8), 8));
  head.headers.add(HeaderId::server, "pingap");
  head.headers.add(HeaderId::content_type, json ? "application/json" : "text/html; charset=utf-8");
  head.headers.add(HeaderId::cache_control, "no-store");
  if (status == 405) {
    head.headers.add(HeaderId::allow, "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS");
  }
  if (status == 503) {
    head.headers.add(HeaderId::retry_after, "1");
  }
}

}  // namespace pingap::proxy
