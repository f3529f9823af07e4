#include "exchange/access_log_writer.h"

#include <algorithm>

#include "base/strings.h"
#include "exchange/access_log.h"
#include "exchange/log_escape.h"
#include "exchange/log_time.h"

namespace pingap::exchange {
namespace {

constexpr std::string_view kMask = "***";

std::string_view side_name(Side side) noexcept {
  switch (side) {
    case Side::local:
      return "local";
    case Side::downstream:
      return "downstream";
    case Side::upstream:
      return "upstream";
  }
  return "-";
}

std::string_view version_name(http::Version version) noexcept {
  switch (version) {
    case http::Version::http10:
      return "HTTP/1.0";
    case http::Version::http11:
      return "HTTP/1.1";
    case http::Version::http2:
      return "HTTP/2.0";
  }
  return "-";
}

// The canonical target, path or query; as received where the request was refused before.
std::string_view target_of(const Exchange& x) noexcept {
  return x.uri.target.empty() ? x.request.target : x.uri.target;
}

std::string_view path_of(const Exchange& x) noexcept {
  return x.uri.target.empty() ? x.request.target.substr(0, x.request.target.find('?')) : x.uri.path;
}

std::string_view query_of(const Exchange& x) noexcept {
  if (!x.uri.target.empty()) {
    return x.uri.query;
  }
  const size_t mark = x.request.target.find('?');
  return mark == std::string_view::npos ? std::string_view{} : x.request.target.substr(mark + 1);
}

bool has_cookie(std::string_view header, std::string_view name) noexcept {
  while (!header.empty()) {
    const size_t end = header.find(';');
    const std::string_view pair = trim(header.substr(0, end));
    if (pair.substr(0, pair.find('=')) == name) {
      return true;
    }
    header = end == std::string_view::npos ? std::string_view{} : header.substr(end + 1);
  }
  return false;
}

}  // namespace

template <bool kJson>
char* LogLine<kJson>::write(std::span<const LogOp> ops) noexcept {
  for (const LogOp& op : ops) {
    if (op.tag == LogTag::literal) {
      copy(name_of(op));
    } else {
      put(op);
    }
  }
  *to_++ = '\n';
  return to_;
}

// Time, peers and names.
template <bool kJson>
void LogLine<kJson>::put(const LogOp& op) noexcept {
  switch (op.tag) {
    case LogTag::when:
      return time(put_local_time);
    case LogTag::when_utc_iso:
      return time(put_utc_time);
    case LogTag::when_clf:
      return time(put_clf_time);
    case LogTag::when_unix:
      return number(static_cast<uint64_t>(std::max<int64_t>(
          std::chrono::floor<std::chrono::milliseconds>(now_).time_since_epoch().count(), 0)));
    case LogTag::remote:
      return text(op, x_.peer_text);
    case LogTag::remote_port:
      return number_or_nothing(x_.peer_port);
    case LogTag::client_ip:
      return text(op, x_.client_text);
    case LogTag::server:
      return text(op, x_.server);
    case LogTag::server_addr:
      return text(op, x_.server_addr);
    case LogTag::server_port:
      return number_or_nothing(x_.server_port);
    case LogTag::location:
      return text(op, x_.location);
    case LogTag::upstream:
      return text(op, x_.upstream);
    case LogTag::upstream_addr:
      return text(op, x_.endpoint);
    default:
      return put_request(op);
  }
}

template <bool kJson>
void LogLine<kJson>::put_request(const LogOp& op) noexcept {
  const http::HeaderMap& headers = x_.request.headers;
  switch (op.tag) {
    case LogTag::method:
      return text(op, x_.request.method_text);
    case LogTag::path:
      return text(op, path_of(x_));
    case LogTag::query:
      return query(op, query_of(x_));
    case LogTag::uri:
      return uri(op, target_of(x_));
    case LogTag::proto:
      return quoted(x_.request.method_text.empty() ? "" : version_name(x_.request.version));
    case LogTag::scheme:
      return text(op, x_.scheme);
    case LogTag::host:
      return text(op, x_.host.empty() ? x_.request.host : x_.host);
    case LogTag::referer:
      return uri(op, headers.get(http::HeaderId::referer));
    case LogTag::user_agent:
      return text(op, headers.get(http::HeaderId::user_agent));
    case LogTag::request_id:
      return text(op, headers.get(http::HeaderId::x_request_id));
    case LogTag::request_header:
      return header(op, headers);
    case LogTag::cookie:
      return cookie(op);
    default:
      return put_response(op);
  }
}

template <bool kJson>
void LogLine<kJson>::put_response(const LogOp& op) noexcept {
  switch (op.tag) {
    case LogTag::status:
      return number(x_.status);
    case LogTag::reason:
      return quoted(to_string(x_.reason));
    case LogTag::reason_side:
      return quoted(x_.reason == ErrorCode::none ? "-" : side_name(x_.reason_side));
    case LogTag::size:
      return number(x_.response_bytes);
    case LogTag::size_human:
      return human_size(x_.response_bytes);
    case LogTag::payload_size:
      return number(x_.request_bytes);
    case LogTag::payload_size_human:
      return human_size(x_.request_bytes);
    case LogTag::latency:
      return number(latency_us() / 1000);
    case LogTag::latency_us:
      return number(latency_us());
    case LogTag::latency_human:
      return human_time(latency_us());
    case LogTag::upstream_status:
      return number_or_nothing(x_.upstream_status);
    case LogTag::upstream_reused:
      return x_.attempts == 0 ? nothing() : copy(x_.upstream_reused ? "true" : "false");
    case LogTag::upstream_connect_time:
      return milliseconds(x_.connect_start, x_.request_sent);
    case LogTag::upstream_response_time:
      return milliseconds(x_.request_sent, x_.first_byte);
    case LogTag::attempts:
      return number(x_.attempts);
    case LogTag::response_header:
      return header(op, x_.response.headers);
    default:
      return;  // all tags are above or in the functions before
  }
}

// ---- values ----

template <bool kJson>
void LogLine<kJson>::time(char* (*put_time)(WallTime, char*) noexcept) noexcept {
  if constexpr (kJson) {
    *to_++ = '"';
  }
  to_ = put_time(now_, to_);
  if constexpr (kJson) {
    *to_++ = '"';
  }
}

template <bool kJson>
void LogLine<kJson>::number_or_nothing(uint64_t value) noexcept {
  if (value == 0) {
    return nothing();
  }
  number(value);
}

template <bool kJson>
void LogLine<kJson>::quoted(std::string_view text) noexcept {
  if constexpr (kJson) {
    *to_++ = '"';
    copy(text);
    *to_++ = '"';
  } else {
    copy(text.empty() ? "-" : text);
  }
}

template <bool kJson>
void LogLine<kJson>::begin_text(const LogOp& op) noexcept {
  char* const last = end_ - op.rest - (kJson ? 1 : 0);
  if constexpr (kJson) {
    *to_++ = '"';
  }
  field_end_ = std::min(to_ + AccessLogFormat::kMaxField, last) - kCut.size();
  cut_ = false;
}

template <bool kJson>
void LogLine<kJson>::part(std::string_view value) noexcept {
  if (!cut_) {
    to_ = kJson ? escape_json(value, to_, field_end_, cut_)
                : escape_text(value, to_, field_end_, cut_);
  }
}

template <bool kJson>
void LogLine<kJson>::end_text() noexcept {
  if (cut_) {
    copy(kCut);
  }
  if constexpr (kJson) {
    *to_++ = '"';
  }
}

template <bool kJson>
void LogLine<kJson>::text(const LogOp& op, std::string_view value) noexcept {
  if (!kJson && value.empty()) {
    *to_++ = '-';
    return;
  }
  begin_text(op);
  part(value);
  end_text();
}

template <bool kJson>
void LogLine<kJson>::uri(const LogOp& op, std::string_view value) noexcept {
  const size_t mark = value.find('?');
  if (mark == std::string_view::npos) {
    return text(op, value);
  }
  begin_text(op);
  part(value.substr(0, mark + 1));
  rest_of_query(value.substr(mark + 1));
}

template <bool kJson>
void LogLine<kJson>::query(const LogOp& op, std::string_view value) noexcept {
  if (value.empty()) {
    return text(op, value);
  }
  begin_text(op);
  rest_of_query(value);
}

template <bool kJson>
void LogLine<kJson>::rest_of_query(std::string_view value) noexcept {
  size_t shown = 0;  // up to here it is written
  for (size_t at = 0; at < value.size();) {
    const size_t end = std::min(value.find('&', at), value.size());
    const size_t equals = value.find('=', at);
    if (equals < end && is_secret_parameter(value.substr(at, equals - at))) {
      part(value.substr(shown, equals + 1 - shown));
      part(kMask);
      shown = end;
    }
    at = end + 1;
  }
  part(value.substr(shown));
  end_text();
}

template <bool kJson>
void LogLine<kJson>::header(const LogOp& op, const http::HeaderMap& headers) noexcept {
  const std::string_view name = name_of(op);
  const http::Field* field =
      op.header == http::HeaderId::other ? headers.find(name) : headers.find(op.header);
  if (field == nullptr) {
    return text(op, {});
  }
  text(op, is_secret_header(name) ? kMask : field->value());
}

template <bool kJson>
void LogLine<kJson>::cookie(const LogOp& op) noexcept {
  for (const http::Field& field : x_.request.headers.fields()) {
    if (field.id == http::HeaderId::cookie && !field.removed() &&
        has_cookie(field.value(), name_of(op))) {
      return text(op, kMask);
    }
  }
  text(op, {});
}

template <bool kJson>
uint64_t LogLine<kJson>::latency_us() const noexcept {
  const Duration took = std::max(x_.finished - x_.started, Duration::zero());
  return static_cast<uint64_t>(took.count()) / 1000;
}

template <bool kJson>
void LogLine<kJson>::milliseconds(TimePoint from, TimePoint to) noexcept {
  if (from == TimePoint{} || to < from) {
    return nothing();
  }
  number(static_cast<uint64_t>((to - from).count()) / 1'000'000);
}

template <bool kJson>
void LogLine<kJson>::human_size(uint64_t bytes) noexcept {
  constexpr uint64_t kKiB = 1024;
  if (bytes < kKiB) {
    return human(bytes, 1, "B");
  }
  if (bytes < kKiB * kKiB) {
    return human(bytes, kKiB, "KiB");
  }
  if (bytes < kKiB * kKiB * kKiB) {
    return human(bytes, kKiB * kKiB, "MiB");
  }
  human(bytes, kKiB * kKiB * kKiB, "GiB");
}

template <bool kJson>
void LogLine<kJson>::human_time(uint64_t microseconds) noexcept {
  if (microseconds < 1000) {
    return human(microseconds, 1, "us");
  }
  if (microseconds < 1'000'000) {
    return human(microseconds, 1000, "ms");
  }
  human(microseconds, 1'000'000, "s");
}

// With one digit behind the point.
template <bool kJson>
void LogLine<kJson>::human(uint64_t value, uint64_t unit, std::string_view name) noexcept {
  number(value / unit);
  if (unit > 1) {
    *to_++ = '.';
    number(value % unit * 10 / unit);
  }
  copy(name);
}

template class LogLine<true>;
template class LogLine<false>;

}  // namespace pingap::exchange
