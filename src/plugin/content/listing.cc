#include "plugin/content/listing.h"

#include <fmt/format.h>

#include "http/date.h"

namespace pingap::plugin {
namespace {

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

// As a segment of a path (RFC 3986 3.3).
std::string escape_url(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::string size_text(uint64_t size) {
  constexpr std::string_view kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(size);
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{:.{}f} {}", value, unit == 0 ? 0 : 1, kUnits[unit]);
}

}  // namespace

std::string render_listing(std::string_view path, const std::vector<FileRoot::Entry>& entries) {
  std::string rows;
  if (path != "/") {
    rows += "<tr><td><a href=\"../\">../</a></td><td></td><td></td></tr>\n";
  }
  for (const FileRoot::Entry& one : entries) {
    const http::DateText date = http::format_date(one.modified);
    const std::string_view slash = one.folder ? "/" : "";
    rows += fmt::format("<tr><td><a href=\"./{}{}\">{}{}</a></td><td>{}</td><td>{}</td></tr>\n",
                        escape_url(one.name), slash, escape_html(one.name), slash,
                        one.folder ? std::string() : size_text(one.size),
                        std::string_view(date.data() + 5, 20));
  }
  const std::string title = escape_html(path);
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width\"><title>{}</title>\n"
      "<style>:root{{color-scheme:light dark}}body{{font:16px/1.5 system-ui,sans-serif;margin:2em "
      "auto;max-width:60em;padding:0 1em}}table{{border-collapse:collapse;width:100%}}td{{padding:"
      ".2em .6em}}td+td{{text-align:right;white-space:nowrap;opacity:.75}}tr:hover{{background:"
      "#8882}}</style></head>\n<body><h1>{}</h1>\n<table>\n{}</table>\n</body>\n</html>\n",
      title, title, rows);
}

}  // namespace pingap::plugin
