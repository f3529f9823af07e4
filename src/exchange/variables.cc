#include "exchange/variables.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstring>
#include <sys/random.h>
#include <unistd.h>

#include <fmt/core.h>

#include "base/hash.h"
#include "base/log_escape.h"
#include "base/strings.h"
#include "http/params.h"
#include "http/status.h"
#include "trace/request_trace.h"

namespace pingap::exchange {
namespace {

constexpr size_t kMaxOps = 32;  // pieces of one template

// Names of a constant value: the machine's name does not change while we run.
constexpr std::string_view kHostname = "hostname";

std::string machine_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "localhost";
}

bool starts_name(char c) noexcept {
  const char lower = to_lower(c);
  return (lower >= 'a' && lower <= 'z') || c == '_';
}

// A dash is part of the names of headers and the like ("$http_x-request-id").
bool in_name(char c, bool dashes) noexcept {
  return starts_name(c) || is_digit(c) || (c == '-' && dashes);
}

// What a text starts with: a variable, or (no name) one byte of literal text.
struct Reference {
  std::string_view name;
  size_t size;  // bytes it takes in the text
};

tl::expected<Reference, std::string> read_reference(std::string_view text) {
  if (text.starts_with("$$")) {
    return Reference{{}, 2};
  }
  if (text.starts_with("${")) {
    const size_t end = text.find('}');
    if (end == std::string_view::npos) {
      return tl::unexpected(fmt::format("`{}` has no closing brace", text));
    }
    if (end == 2) {
      return tl::unexpected<std::string>("`${}` has no name in it");
    }
    return Reference{text.substr(2, end - 2), end + 1};
  }
  if (text.size() < 2 || text.front() != '$' || !starts_name(text[1])) {
    return Reference{{}, 1};
  }
  const bool dashes =
      text.starts_with("$http_") || text.starts_with("$arg_") || text.starts_with("$cookie_");
  size_t end = 2;
  while (end < text.size() && in_name(text[end], dashes)) {
    ++end;
  }
  return Reference{text.substr(1, end - 1), end};
}

bool is_control(char c) noexcept {
  return (static_cast<uint8_t>(c) < 0x20 && c != '\t') || c == 0x7f;
}

// `text` without bytes that would end the header line.
std::string_view one_line(std::string_view text, Arena& arena) noexcept {
  const auto bad = static_cast<size_t>(std::count_if(text.begin(), text.end(), is_control));
  if (bad == 0) [[likely]] {
    return text;
  }
  constexpr std::string_view kHex = "0123456789ABCDEF";
  char* out = arena.make_array<char>(text.size() + 2 * bad);
  size_t size = 0;
  for (const char c : text) {
    if (is_control(c)) {
      out[size++] = '%';
      out[size++] = kHex[static_cast<uint8_t>(c) >> 4];
      out[size++] = kHex[static_cast<uint8_t>(c) & 15];
    } else {
      out[size++] = c;
    }
  }
  return {out, size};
}

std::string_view number(uint64_t value, Arena& arena) noexcept {
  constexpr size_t kDigits = 20;
  char* out = arena.make_array<char>(kDigits);
  return {out, static_cast<size_t>(std::to_chars(out, out + kDigits, value).ptr - out)};
}

// A number that 0 stands for "none" of.
std::string_view number_or_nothing(uint64_t value, Arena& arena) noexcept {
  return value == 0 ? std::string_view{} : number(value, arena);
}

// `value` with `width` digits at `to`.
void put_digits(char* to, uint64_t value, size_t width) noexcept {
  for (size_t i = width; i > 0; --i) {
    to[i - 1] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
}

// "2026-01-31T12:00:00Z"
std::string_view iso_time(Arena& arena) noexcept {
  using std::chrono::floor;
  const auto now = floor<std::chrono::seconds>(std::chrono::system_clock::now());
  const auto day = floor<std::chrono::days>(now);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(now - day);
  constexpr std::string_view kForm = "0000-00-00T00:00:00Z";
  char* out = arena.make_array<char>(kForm.size());
  std::copy(kForm.begin(), kForm.end(), out);
  put_digits(out, static_cast<uint64_t>(static_cast<int>(date.year())), 4);
  put_digits(out + 5, static_cast<unsigned>(date.month()), 2);
  put_digits(out + 8, static_cast<unsigned>(date.day()), 2);
  put_digits(out + 11, static_cast<uint64_t>(time.hours().count()), 2);
  put_digits(out + 14, static_cast<uint64_t>(time.minutes().count()), 2);
  put_digits(out + 17, static_cast<uint64_t>(time.seconds().count()), 2);
  return {out, kForm.size()};
}

// Seconds since 1970 with milliseconds: "1769860800.123".
std::string_view unix_time(Arena& arena) noexcept {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto ms =
      static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
  char* out = arena.make_array<char>(24);
  char* end = std::to_chars(out, out + 20, ms / 1000).ptr;
  *end = '.';
  put_digits(end + 1, ms % 1000, 3);
  return {out, static_cast<size_t>(end + 4 - out)};
}

// One generator per thread, seeded by the kernel: ids must not meet, they need not be secret.
uint64_t random_bits() noexcept {
  thread_local uint64_t state = [] {
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed)) {
      seed = static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
    }
    return seed;
  }();
  state += 0x9e3779b97f4a7c15;
  return mix64(state);
}

// 128 random bits as 32 hex digits.
std::string_view make_request_id(Arena& arena) noexcept {
  constexpr std::string_view kHex = "0123456789abcdef";
  constexpr size_t kSize = 32;
  char* out = arena.make_array<char>(kSize);
  for (size_t i = 0; i < kSize; i += 16) {
    uint64_t bits = random_bits();
    for (size_t j = 0; j < 16; ++j, bits >>= 4) {
      out[i + j] = kHex[bits & 15];
    }
  }
  return {out, kSize};
}

// Made when it is first asked for, then the same for the exchange's life.
std::string_view request_id_of(Exchange& x) noexcept {
  if (x.request_id.empty()) {
    x.request_id = make_request_id(x.arena);
  }
  return x.request_id;
}

// Sent to the client, or what the backend has sent as long as nothing was.
uint16_t status_of(const Exchange& x) noexcept {
  return x.status != 0 ? x.status : x.upstream_status;
}

std::string_view html_entity(char c) noexcept {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return {};
  }
}

std::string_view escape_html(std::string_view text, Arena& arena) noexcept {
  size_t size = text.size();
  for (const char c : text) {
    const std::string_view entity = html_entity(c);
    size += entity.empty() ? 0 : entity.size() - 1;
  }
  if (size == text.size()) {
    return text;
  }
  char* out = arena.make_array<char>(size);
  char* to = out;
  for (const char& c : text) {
    const std::string_view entity = html_entity(c);
    to = std::ranges::copy(entity.empty() ? std::string_view(&c, 1) : entity, to).out;
  }
  return {out, size};
}

std::string_view escape_value(std::string_view text, Escape escape, Arena& arena) noexcept {
  switch (escape) {
    case Escape::none:
      return one_line(text, arena);
    case Escape::html:
      return escape_html(one_line(text, arena), arena);
    case Escape::json: {
      constexpr size_t kLongest = 6;  // that a byte becomes
      char* out = arena.make_array<char>(kLongest * text.size());
      bool cut = false;
      return {out,
              static_cast<size_t>(escape_json(text, out, out + kLongest * text.size(), cut) - out)};
    }
  }
  return {};
}

std::string_view trace_id_of(Exchange& x) noexcept {
  if (x.trace == nullptr) {
    return {};
  }
  char* room = x.arena.make_array<char>(trace::kTraceIdSize);
  trace::put_trace_id(x.trace->trace, room);
  return {room, trace::kTraceIdSize};
}

std::string_view span_id_of(Exchange& x) noexcept {
  if (x.trace == nullptr) {
    return {};
  }
  char* room = x.arena.make_array<char>(trace::kSpanIdSize);
  trace::put_span_id(x.trace->span, room);
  return {room, trace::kSpanIdSize};
}

std::string_view find_known(const Exchange& x, std::string_view name) noexcept {
  for (const Known* one = x.known; one != nullptr; one = one->next) {
    if (one->name == name) {
      return one->value;
    }
  }
  return {};
}

}  // namespace

std::span<const Template::Name> Template::names() noexcept {
  static constexpr Name kNames[] = {
      {"args", Kind::query},
      {"client_ip", Kind::member, &Exchange::client_text},
      {"continent", Kind::member, &Exchange::continent},
      {"country", Kind::member, &Exchange::country},
      {"host", Kind::member, &Exchange::host},
      {"location", Kind::member, &Exchange::location},
      {"method", Kind::method},
      {"msec", Kind::msec},
      {"path", Kind::path},
      {"plugin", Kind::member, &Exchange::plugin},
      {"plugin_reason", Kind::member, &Exchange::plugin_reason},
      {"protocol", Kind::protocol},
      {"proxy_add_x_forwarded_for", Kind::member, &Exchange::forwarded_for},
      {"query", Kind::query},
      {"reason", Kind::reason},
      {"remote_addr", Kind::member, &Exchange::peer_text},
      {"remote_port", Kind::remote_port},
      {"request_id", Kind::request_id},
      {"request_method", Kind::method},
      {"request_uri", Kind::request_uri},
      {"scheme", Kind::member, &Exchange::scheme},
      {"server", Kind::member, &Exchange::server},
      {"server_addr", Kind::member, &Exchange::server_addr},
      {"server_port", Kind::server_port},
      {"span_id", Kind::span_id},
      {"status", Kind::status},
      {"status_text", Kind::status_text},
      {"time_iso8601", Kind::time_iso8601},
      {"tls_cipher", Kind::member, &Exchange::tls_cipher},
      {"tls_client_fingerprint", Kind::member, &Exchange::tls_client_fingerprint},
      {"tls_client_subject", Kind::member, &Exchange::tls_client_subject},
      {"tls_server_name", Kind::member, &Exchange::tls_server_name},
      {"tls_version", Kind::member, &Exchange::tls_version},
      {"trace_id", Kind::trace_id},
      {"upstream", Kind::member, &Exchange::upstream},
      {"upstream_addr", Kind::member, &Exchange::endpoint},
      {"upstream_status", Kind::upstream_status},
      {"uri", Kind::uri},
  };
  return kNames;
}

tl::expected<Template, std::string> Template::compile(std::string_view text) {
  if (std::any_of(text.begin(), text.end(), is_control)) {
    return tl::unexpected<std::string>("a header value may have no control bytes");
  }
  return compile_lines(text);
}

tl::expected<Template, std::string> Template::compile_lines(std::string_view text) {
  Template made;
  std::string literal;
  while (!text.empty()) {
    const auto reference = read_reference(text);
    if (!reference) {
      return tl::unexpected(reference.error());
    }
    if (reference->name.empty()) {
      literal += text.front();
    } else if (auto added = made.add_variable(reference->name, literal); !added) {
      return tl::unexpected(std::move(added.error()));
    }
    text.remove_prefix(reference->size);
  }
  if (made.ops_.empty()) {
    made.constant_ = std::move(literal);
  } else if (!literal.empty()) {
    made.ops_.push_back({.kind = Kind::literal, .text = std::move(literal)});
  }
  if (made.ops_.size() > kMaxOps) {
    return tl::unexpected(fmt::format("more than {} pieces", kMaxOps));
  }
  return made;
}

// `literal` is what is before the variable.
tl::expected<void, std::string> Template::add_variable(std::string_view name,
                                                       std::string& literal) {
  if (name == kHostname) {
    literal += machine_name();
    return {};
  }
  if (!literal.empty()) {
    ops_.push_back({.kind = Kind::literal, .text = std::exchange(literal, {})});
  }
  constexpr std::pair<std::string_view, Kind> kFamilies[] = {{"http_", Kind::header},
                                                             {"arg_", Kind::argument},
                                                             {"cookie_", Kind::cookie},
                                                             {"auth_", Kind::known}};
  for (const auto& [prefix, kind] : kFamilies) {
    if (name.starts_with(prefix) && name.size() > prefix.size()) {
      Op op{.kind = kind, .text = std::string(name.substr(prefix.size()))};
      if (kind == Kind::header) {
        // No header name that gets this far has an underscore (security.md rule U).
        std::replace(op.text.begin(), op.text.end(), '_', '-');
        op.name = http::FieldName(op.text);
      }
      ops_.push_back(std::move(op));
      return {};
    }
  }
  for (const Name& known : names()) {
    if (known.text == name) {
      ops_.push_back({.kind = known.kind, .member = known.member});
      return {};
    }
  }
  std::string allowed;
  for (const Name& known : names()) {
    allowed += fmt::format("${}, ", known.text);
  }
  return tl::unexpected(
      fmt::format("unknown variable `${}`; there are: {}$hostname, $http_NAME, $arg_NAME, "
                  "$cookie_NAME, $auth_NAME; "
                  "write `$$` for a dollar sign",
                  name, allowed));
}

std::string_view Template::value_of(const Op& op, Exchange& x) noexcept {
  std::string_view value;
  switch (op.kind) {
    case Kind::literal:
      return op.text;
    case Kind::member:
      return x.*op.member;
    case Kind::argument:
      http::find_argument(x.uri.query, op.text, value);
      return value;
    case Kind::known:
      return find_known(x, op.text);
    case Kind::header: {
      const http::Field* field = op.name.find(x.request.headers);
      return field == nullptr ? value : field->value();
    }
    case Kind::cookie:
      http::find_cookie(x.request.headers, op.text, value);
      return value;
    case Kind::method:
      return x.request.method_text;
    case Kind::msec:
      return unix_time(x.arena);
    case Kind::path:
      return x.uri.path;
    case Kind::protocol:
      return to_string(x.request.version);
    case Kind::query:
      return x.uri.query;
    case Kind::reason:
      return x.reason == ErrorCode::none ? value : to_string(x.reason);
    case Kind::remote_port:
      return number_or_nothing(x.peer_port, x.arena);
    case Kind::request_id:
      return request_id_of(x);
    case Kind::request_uri:
      return x.request.target;
    case Kind::server_port:
      return number_or_nothing(x.server_port, x.arena);
    case Kind::span_id:
      return span_id_of(x);
    case Kind::status:
      return number_or_nothing(status_of(x), x.arena);
    case Kind::status_text:
      return http::reason_phrase(status_of(x));
    case Kind::time_iso8601:
      return iso_time(x.arena);
    case Kind::trace_id:
      return trace_id_of(x);
    case Kind::upstream_status:
      return number_or_nothing(x.upstream_status, x.arena);
    case Kind::uri:
      return x.uri.target;
  }
  return value;
}

std::string_view Template::render(Exchange& x) const noexcept {
  return render(x, Escape::none);
}

std::string_view Template::render(Exchange& x, Escape escape) const noexcept {
  if (constant()) {
    return constant_;
  }
  std::array<std::string_view, kMaxOps> values;
  size_t size = 0;
  for (size_t i = 0; i < ops_.size(); ++i) {
    const std::string_view value = value_of(ops_[i], x);
    values[i] = ops_[i].kind == Kind::literal ? value : escape_value(value, escape, x.arena);
    size += values[i].size();
  }
  if (ops_.size() == 1) {
    return values[0];
  }
  char* out = x.arena.make_array<char>(size);
  char* to = out;
  for (size_t i = 0; i < ops_.size(); ++i) {
    to = std::copy(values[i].begin(), values[i].end(), to);
  }
  return {out, size};
}

}  // namespace pingap::exchange
