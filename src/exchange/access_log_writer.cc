#include "exchange/access_log_writer.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/log_escape.h"
#include "base/log_plain.h"
#include "base/strings.h"
#include "exchange/access_log.h"
#include "exchange/log_numbers.h"
#include "exchange/log_time.h"
#include "exchange/termination.h"
#include "http/params.h"
#include "trace/request_trace.h"

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

// A target in its two parts; the first one keeps the '?'.
struct Parts {
  std::string_view path;
  std::string_view query;
};

Parts split(std::string_view target) noexcept {
  const size_t mark = target.find('?');
  if (mark == std::string_view::npos) {
    return {target, {}};
  }
  return {target.substr(0, mark + 1), target.substr(mark + 1)};
}

// Of the canonical form; as received where the request was refused before there was one.
Parts parts_of(const Exchange& x) noexcept {
  if (x.uri.target.empty()) {
    return split(x.request.target);
  }
  // The canonical query is the end of the canonical target.
  return {x.uri.target.substr(
              0, x.uri.target.size() - std::min(x.uri.query.size(), x.uri.target.size())),
          x.uri.query};
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

std::string_view known_of(const Exchange& x, std::string_view name) noexcept {
  for (const Known* one = x.known; one != nullptr; one = one->next) {
    if (one->name == name) {
      return one->value;
    }
  }
  return {};
}

std::string_view status_class(uint16_t status) noexcept {
  constexpr std::string_view kClasses = "1xx2xx3xx4xx5xx";
  const size_t first = status / 100U;
  return first >= 1 && first <= 5 ? kClasses.substr((first - 1) * 3, 3) : std::string_view{};
}

template <bool kJson>
char* put_nothing(char* to) noexcept {
  return copy(kJson ? "null" : "-", to);
}

template <bool kJson>
char* put_time(char* (*put)(WallTime, char*) noexcept, WallTime time, char* to) noexcept {
  if constexpr (kJson) {
    *to++ = '"';
  }
  to = put(time, to);
  if constexpr (kJson) {
    *to++ = '"';
  }
  return to;
}

}  // namespace

// ---- values ----

template <bool kJson>
std::string_view LogLine<kJson>::text_of(const LogOp& op) const noexcept {
  switch (op.tag) {
    case LogTag::member:
      return x_.*op.member;
    case LogTag::request_header:
      return header_of(op, x_.request.headers);
    case LogTag::request_id:
      return x_.request_id.empty() ? header_of(op, x_.request.headers) : x_.request_id;
    case LogTag::response_header:
      return header_of(op, x_.response.headers);
    case LogTag::method:
      return x_.request.method_text;
    case LogTag::proto:
      return x_.request.method_text.empty() ? "" : to_string(x_.request.version);
    case LogTag::host:
      return x_.host.empty() ? x_.request.host : x_.host;
    case LogTag::path: {
      const std::string_view path = parts_of(x_).path;
      return path.substr(0, path.size() - (path.ends_with('?') ? 1 : 0));
    }
    case LogTag::reason:
      return to_string(x_.reason);
    case LogTag::reason_side:
      return x_.reason == ErrorCode::none ? "-" : side_name(x_.reason_side);
    case LogTag::termination:
      return termination(x_);
    case LogTag::status_class:
      return status_class(x_.status);
    case LogTag::argument:
      return argument_of(op);
    case LogTag::known:
      return known_of(x_, name_of(op));
    case LogTag::grpc:
      return x_.grpc ? "true" : "false";
    default:
      return {};  // not a text
  }
}

template <bool kJson>
uint64_t LogLine<kJson>::number_of(const LogOp& op) const noexcept {
  switch (op.tag) {
    case LogTag::status:
      return x_.status;
    case LogTag::size:
      return x_.response_bytes;
    case LogTag::payload_size:
      return x_.request_bytes;
    case LogTag::latency:
      return latency_us() / 1000;
    case LogTag::latency_us:
      return latency_us();
    case LogTag::attempts:
      return x_.attempts;
    case LogTag::upstream_status:
      return x_.upstream_status;
    case LogTag::remote_port:
      return x_.peer_port;
    case LogTag::server_port:
      return x_.server_port;
    case LogTag::when_unix:
      return unix_milliseconds(now_);
    case LogTag::retries:
      return x_.attempts == 0 ? 0U : x_.attempts - 1U;
    case LogTag::connection_id:
      return x_.connection;
    case LogTag::connection_requests:
      return x_.connection_requests;
    default:
      return 0;  // not a number
  }
}

template <bool kJson>
char* LogLine<kJson>::put_other(const LogOp& op, char* to) const noexcept {
  switch (op.tag) {
    case LogTag::when:
      return put_time<kJson>(put_local_time, now_, to);
    case LogTag::when_utc_iso:
      return put_time<kJson>(put_utc_time, now_, to);
    case LogTag::when_clf:
      return put_time<kJson>(put_clf_time, now_, to);
    case LogTag::uri:
      return put_uri(op, to);
    case LogTag::query:
      return put_masked(op, {}, parts_of(x_).query, to);
    case LogTag::request_link:
      return put_link(op, x_.request.headers, to);
    case LogTag::response_link:
      return put_link(op, x_.response.headers, to);
    case LogTag::cookie:
      return put_cookie(op, to);
    case LogTag::size_human:
      return put_human_size(x_.response_bytes, to);
    case LogTag::payload_size_human:
      return put_human_size(x_.request_bytes, to);
    case LogTag::latency_human:
      return put_human_time(latency_us(), to);
    case LogTag::upstream_reused:
      return x_.attempts == 0 ? put_nothing<kJson>(to)
                              : copy(x_.upstream_reused ? "true" : "false", to);
    case LogTag::request_uri: {
      const Parts parts = split(x_.request.target);
      return put_masked(op, parts.path, parts.query, to);
    }
    case LogTag::request:
      return put_request(op, to);
    case LogTag::tries:
      return put_tries(op, to);
    default:
      return put_time_between(op, to);
  }
}

template <bool kJson>
char* LogLine<kJson>::put_time_between(const LogOp& op, char* to) const noexcept {
  switch (op.tag) {
    case LogTag::upstream_connect_time:
      return put_milliseconds(x_.connect_start, x_.request_sent, to);
    case LogTag::upstream_response_time:
      return put_milliseconds(x_.request_sent, x_.first_byte, to);
    case LogTag::compression_ratio:
      return x_.coded_bytes == 0
                 ? put_nothing<kJson>(to)
                 : put_human((x_.plain_bytes * 10 + x_.coded_bytes / 2) / x_.coded_bytes, 10, "",
                             to);
    case LogTag::compression_time:
      return x_.coded_bytes == 0
                 ? put_nothing<kJson>(to)
                 : put_human(static_cast<uint64_t>(x_.coding_time.count()) / 100'000, 10, "", to);
    case LogTag::upstream_time:
      return put_milliseconds(x_.connect_start, x_.finished, to);
    case LogTag::transfer_time:
      return put_milliseconds(x_.first_byte, x_.finished, to);
    case LogTag::processing_time:
      return put_milliseconds(x_.started, x_.connect_start - x_.queued, to);
    case LogTag::queue_time:
      return put_number(
          static_cast<uint64_t>(std::max(x_.queued, Duration::zero()).count()) / 1'000'000, to);
    case LogTag::connection_time:
      return put_milliseconds(x_.connected, x_.finished, to);
    case LogTag::request_time:
      return put_seconds(latency_us() / 1000, to);
    case LogTag::msec:
      return put_seconds(unix_milliseconds(now_), to);
    case LogTag::trace_id:
    case LogTag::span_id:
      return put_trace(op.tag, to);
    default:
      return to;  // the other kinds
  }
}

template <bool kJson>
char* LogLine<kJson>::put_trace(LogTag tag, char* to) const noexcept {
  if (x_.trace == nullptr) {
    return put_nothing<kJson>(to);
  }
  if constexpr (kJson) {
    *to++ = '"';
  }
  to = tag == LogTag::trace_id ? trace::put_trace_id(x_.trace->trace, to)
                               : trace::put_span_id(x_.trace->span, to);
  if constexpr (kJson) {
    *to++ = '"';
  }
  return to;
}

template <bool kJson>
char* LogLine<kJson>::put_milliseconds(TimePoint from, TimePoint until, char* to) const noexcept {
  if (from == TimePoint{} || until < from) {
    return put_nothing<kJson>(to);
  }
  return put_number(static_cast<uint64_t>((until - from).count()) / 1'000'000, to);
}

template <bool kJson>
uint64_t LogLine<kJson>::latency_us() const noexcept {
  const Duration took = std::max(x_.finished - x_.started, Duration::zero());
  return static_cast<uint64_t>(took.count()) / 1000;
}

// ---- text ----

template <bool kJson>
char* LogLine<kJson>::put_text(const LogOp& op, std::string_view value, char* to) const noexcept {
  // Nearly always: it fits with all that may follow, and is copied as it is.
  constexpr size_t kMost = AccessLogFormat::kMaxField - kCut.size();
  const size_t size = value.size();
  if (size - 1 < kMost && to + size < near_end_ && copy_plain(value, to + (kJson ? 1 : 0))) {
    if constexpr (kJson) {
      to[0] = '"';
      to[size + 1] = '"';
    }
    return to + size + (kJson ? 2 : 0);
  }
  return put_long_text(op, value, to);
}

template <bool kJson>
auto LogLine<kJson>::begin_field(const LogOp& op, char* to) const noexcept -> Field {
  char* const last = end_ - op.rest - (kJson ? 1 : 0);
  if constexpr (kJson) {
    *to++ = '"';
  }
  return {to, std::min(to + AccessLogFormat::kMaxField, last) - kCut.size()};
}

template <bool kJson>
void LogLine<kJson>::add(Field& field, std::string_view value) noexcept {
  if (!field.cut) {
    field.to = kJson ? escape_json(value, field.to, field.end, field.cut)
                     : escape_text(value, field.to, field.end, field.cut);
  }
}

template <bool kJson>
char* LogLine<kJson>::end_field(const Field& field) noexcept {
  char* to = field.cut ? copy(kCut, field.to) : field.to;
  if constexpr (kJson) {
    *to++ = '"';
  }
  return to;
}

template <bool kJson>
char* LogLine<kJson>::put_long_text(const LogOp& op, std::string_view value,
                                    char* to) const noexcept {
  if (!kJson && value.empty()) {
    *to = '-';
    return to + 1;
  }
  Field field = begin_field(op, to);
  add(field, value);
  return end_field(field);
}

template <bool kJson>
char* LogLine<kJson>::put_uri(const LogOp& op, char* to) const noexcept {
  if (!x_.uri.target.empty() &&
      find_secret(x_.uri.query, 0, secrets_of(x_)).begin == std::string_view::npos) {
    return put_text(op, x_.uri.target, to);
  }
  const Parts parts = parts_of(x_);
  return put_masked(op, parts.path, parts.query, to);
}

template <bool kJson>
char* LogLine<kJson>::put_masked(const LogOp& op, std::string_view before, std::string_view query,
                                 char* to) const noexcept {
  if (query.empty()) {
    return put_text(op, before, to);
  }
  Field field = begin_field(op, to);
  add(field, before);
  add_masked(field, query);
  return end_field(field);
}

template <bool kJson>
void LogLine<kJson>::add_masked(Field& field, std::string_view text,
                                FindSecret* find) const noexcept {
  const SecretLists lists = secrets_of(x_);
  size_t shown = 0;  // up to here it is written
  for (SecretPlace secret = find(text, 0, lists); secret.begin != std::string_view::npos;
       secret = find(text, secret.end, lists)) {
    add(field, text.substr(shown, secret.begin - shown));
    add(field, kMask);
    shown = secret.end;
  }
  add(field, text.substr(shown));
}

template <bool kJson>
char* LogLine<kJson>::put_link(const LogOp& op, const http::HeaderMap& headers,
                               char* to) const noexcept {
  std::string_view value = header_of(op, headers);
  const auto has = [&](char c) { return value.find(c) != std::string_view::npos; };
  if (!has('?') && !has('#') && !has('@')) {
    return put_text(op, value, to);
  }
  Field field = begin_field(op, to);
  while (!value.empty()) {
    const size_t end = std::min(value.find_first_of("?#"), value.size());
    add_masked(field, value.substr(0, end), find_link_secret);
    value.remove_prefix(end);
    add(field, value.substr(0, 1));
    value.remove_prefix(std::min<size_t>(1, value.size()));
  }
  return end_field(field);
}

template <bool kJson>
char* LogLine<kJson>::put_request(const LogOp& op, char* to) const noexcept {
  if (x_.request.method_text.empty()) {
    return put_text(op, {}, to);
  }
  const Parts parts = parts_of(x_);
  Field field = begin_field(op, to);
  add(field, x_.request.method_text);
  add(field, " ");
  add(field, parts.path);
  add_masked(field, parts.query);
  add(field, " ");
  add(field, to_string(x_.request.version));
  return end_field(field);
}

// The last one as those before it: "SERVER=STATUS", or the reason where there was no answer.
template <bool kJson>
char* LogLine<kJson>::put_tries(const LogOp& op, char* to) const noexcept {
  if (x_.attempts == 0 || x_.endpoint.empty()) {
    return put_text(op, x_.failed_tries, to);
  }
  std::array<char, 8> status;
  const char* const end = put_number(x_.upstream_status, status.data());
  Field field = begin_field(op, to);
  add(field, x_.failed_tries);
  add(field, x_.failed_tries.empty() ? "" : ",");
  add(field, x_.endpoint);
  add(field, "=");
  add(field, x_.upstream_status != 0 ? std::string_view(status.data(), end) : to_string(x_.reason));
  return end_field(field);
}

template <bool kJson>
std::string_view LogLine<kJson>::argument_of(const LogOp& op) const noexcept {
  std::string_view value;
  http::find_argument(parts_of(x_).query, name_of(op), value);
  const bool hidden = op.secret || is_listed(secrets_of(x_), SecretName::In::argument, name_of(op));
  return hidden && !value.empty() ? kMask : value;
}

template <bool kJson>
bool LogLine<kJson>::is_secret(std::string_view name) const noexcept {
  return is_listed(secrets_of(x_), SecretName::In::header, name);
}

template <bool kJson>
std::string_view LogLine<kJson>::header_of(const LogOp& op,
                                           const http::HeaderMap& headers) const noexcept {
  const http::Field* field =
      op.header == http::HeaderId::other ? headers.find(name_of(op)) : headers.find(op.header);
  if (field == nullptr) {
    return {};
  }
  return op.secret || is_secret(field->name()) ? kMask : field->value();
}

template <bool kJson>
char* LogLine<kJson>::put_cookie(const LogOp& op, char* to) const noexcept {
  for (const http::Field& field : x_.request.headers.fields()) {
    if (field.id == http::HeaderId::cookie && !field.removed() &&
        has_cookie(field.value(), name_of(op))) {
      return put_text(op, kMask, to);
    }
  }
  return put_text(op, {}, to);
}

template <bool kJson>
char* LogLine<kJson>::write(std::span<const LogOp> ops, char* to) const noexcept {
  for (const LogOp& op : ops) {
    // Literals are short: steps of a fixed size need no call. What is written too much is
    // overwritten by what follows.
    const char* from = text_.data() + op.literal;
    std::memcpy(to, from, kCopyStep);
    for (size_t done = kCopyStep; done < op.literal_size; done += kCopyStep) {
      std::memcpy(to + done, from + done, kCopyStep);
    }
    to += op.literal_size;
    if (op.tag < kFirstNumber) {
      to = put_text(op, text_of(op), to);
    } else if (op.tag < kFirstNumberOrNothing) {
      to = put_number(number_of(op), to);
    } else if (op.tag >= kFirstOther) {
      to = put_other(op, to);
    } else {
      const uint64_t value = number_of(op);
      to = value == 0 ? put_nothing<kJson>(to) : put_number(value, to);
    }
  }
  *to = '\n';
  return to + 1;
}

template class LogLine<true>;
template class LogLine<false>;

}  // namespace pingap::exchange
