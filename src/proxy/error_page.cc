#include "proxy/error_page.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "http/accept.h"
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
  const bool json = template_.empty() ? http::prefers_json(accept) : template_is_json_;
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
