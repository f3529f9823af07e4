// Access log: any format compiles or is refused; whatever the fields hold, a line is one line of
// bounded size, a JSON line is one object of balanced strings, values of logfmt end where they say,
// and of a plain line no value ends its quotes or steers a terminal.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "exchange/access_log.h"
#include "exchange/secrets.h"
#include "input.h"

namespace pingap::fuzz {
namespace {

using exchange::AccessLogFormat;
using exchange::Exchange;

// Up to the next zero byte.
std::string_view take(std::string_view& input) {
  const size_t end = input.find('\0');
  const std::string_view part = input.substr(0, end);
  input = end == std::string_view::npos ? std::string_view{} : input.substr(end + 1);
  return part;
}

// Quotes pair up and only what JSON knows is escaped; the braces are outside of strings.
void check_json(std::string_view line) {
  require(line.starts_with('{') && line.ends_with("}\n"), "a JSON line is an object");
  bool inside = false;
  for (size_t i = 1; i + 2 < line.size(); ++i) {
    if (line[i] == '"') {
      inside = !inside;
    } else if (line[i] == '\\') {
      require(inside, "escapes stand in strings");
      ++i;
      require(line[i] == '"' || line[i] == '\\' || line[i] == 'u', "escapes of JSON");
    } else {
      require(inside || (line[i] != '{' && line[i] != '}'), "one flat object");
    }
  }
  require(!inside, "quotes pair up");
}

// Keys of their own bytes, and values that are bare or in quotes.
void check_logfmt(std::string_view line) {
  line.remove_suffix(1);
  while (!line.empty()) {
    const size_t equals = line.find_first_not_of("abcdefghijklmnopqrstuvwxyz_");
    require(equals != 0 && equals < line.size() && line[equals] == '=', "a key stands before '='");
    line.remove_prefix(equals + 1);
    size_t end = line.find(' ');
    if (line.starts_with('"')) {
      for (end = 1; end < line.size() && line[end] != '"'; ++end) {
        end += line[end] == '\\' ? 1U : 0U;
      }
      require(end++ < line.size(), "quotes pair up");
    }
    end = std::min(end, line.size());
    require(end == line.size() || line[end] == ' ', "a value ends with a space");
    line.remove_prefix(std::min(end + 1, line.size()));
  }
}

// Of a format with `quotes` of its own and neither backslashes nor other bytes than ASCII.
void check_plain(std::string_view line, size_t quotes) {
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\') {
      require(line.size() - i > 3 && line[i + 1] == 'x', "escapes of plain text");
    }
    quotes -= line[i] == '"' ? 1U : 0U;
    require(line[i] != '\xc2' || static_cast<unsigned char>(line[i + 1]) >= 0xa0, "no C1");
  }
  require(quotes == 0, "quotes are the format's");
}

void check_line(std::string_view line, std::span<const char> room) {
  require(line.size() <= room.size() && line.size() <= AccessLogFormat::kMaxLine, "it fits");
  require(line.find('\n') == line.size() - 1, "one line");
  for (const char c : line.substr(0, line.size() - 1)) {
    require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, "no control bytes");
  }
}

void fill(Exchange& x, std::string_view input) {
  for (std::string_view* field : {&x.request.method_text, &x.request.target, &x.uri.target, &x.host,
                                  &x.client_text, &x.endpoint, &x.server, &x.location}) {
    *field = take(input);
  }
  const size_t mark = x.uri.target.find('?');
  x.uri.path = x.uri.target.substr(0, mark);
  x.uri.query = mark == std::string_view::npos ? std::string_view{} : x.uri.target.substr(mark + 1);
  for (const std::string_view name : {"User-Agent", "Referer", "Cookie", "X-Own"}) {
    x.request.headers.add(name, take(input));
  }
  for (const std::string_view name :
       {"Location", "Content-Type", "Cache-Status", "X-Own", "Set-Cookie"}) {
    x.response.headers.add(name, take(input));
  }
  x.status = static_cast<uint16_t>(input.size());
  x.response_bytes = input.size() * 977;
}

}  // namespace
}  // namespace pingap::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pingap::fuzz;  // NOLINT(google-build-using-namespace)
  std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string_view text = take(input);
  std::array<char, 512> block;
  std::array<pingap::http::Field, 8> fields;
  std::array<pingap::http::Field, 8> answer_fields;
  Exchange x{std::span<char>(block)};
  x.request.headers = pingap::http::HeaderMap(fields);
  x.response.headers = pingap::http::HeaderMap(answer_fields);
  fill(x, input);
  // A room of its own size, so that a byte too much is seen.
  const std::string room_of(size < 300 ? 2000 : AccessLogFormat::kMaxLine, '\0');
  const std::array<std::string, 2> redact = {"X-Own", "?" + std::string(x.uri.query.substr(0, 3))};
  const pingap::exchange::Redaction redaction(redact);
  x.redacted = redaction.first();
  const std::string list = "json:" + std::string(text);
  constexpr std::string_view kAnswer =
      "\"{redirect}\" {<location} {sent_content_type} {cache_status} \"{<x-own}\" {<set-cookie}";
  for (const std::string_view format :
       {text, std::string_view("json"), std::string_view(list), std::string_view("logfmt"),
        std::string_view("default"), kAnswer}) {
    const auto compiled = AccessLogFormat::compile(format);
    if (!compiled) {
      continue;
    }
    std::string room = room_of;
    const size_t written = compiled->write(x, pingap::WallTime{}, room);
    if (written > 0) {
      const std::string_view line(room.data(), written);
      check_line(line, room);
      if (format == "json" || format.starts_with("json:")) {
        check_json(line);
      } else if (format == "logfmt") {
        check_logfmt(line);
      } else if (format == "default" || format == kAnswer) {
        check_plain(line, format == kAnswer ? 4 : 6);
      }
    }
  }
  return 0;
}
