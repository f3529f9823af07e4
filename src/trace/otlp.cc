#include "trace/otlp.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/strings.h"

namespace pingap::trace {
namespace {

using pb::Message;

// Field numbers of opentelemetry/proto/trace/v1/trace.proto and common/v1/common.proto.
namespace field {
constexpr uint32_t kSpans = 2;    // of ScopeSpans
constexpr uint32_t kTraceId = 1;  // of Span
constexpr uint32_t kSpanId = 2;
constexpr uint32_t kParentId = 4;
constexpr uint32_t kName = 5;
constexpr uint32_t kKind = 6;
constexpr uint32_t kStart = 7;
constexpr uint32_t kEnd = 8;
constexpr uint32_t kAttributes = 9;
constexpr uint32_t kEvents = 11;
constexpr uint32_t kDroppedEvents = 12;
constexpr uint32_t kStatus = 15;
constexpr uint32_t kFlags = 16;
constexpr uint32_t kEventTime = 1;  // of Span.Event
constexpr uint32_t kEventName = 2;
constexpr uint32_t kEventAttributes = 3;
constexpr uint32_t kMessage = 2;  // of Status
constexpr uint32_t kCode = 3;
constexpr uint32_t kKey = 1;  // of KeyValue
constexpr uint32_t kValue = 2;
constexpr uint32_t kString = 1;  // of AnyValue
constexpr uint32_t kBool = 2;
constexpr uint32_t kInt = 3;
}  // namespace field

constexpr uint64_t kServer = 2;  // SpanKind
constexpr uint64_t kClient = 3;
constexpr uint64_t kError = 2;  // StatusCode

// SpanFlags: below them are those of W3C.
constexpr uint32_t kKnowsRemote = 0x100;
constexpr uint32_t kRemoteParent = 0x200;

// More than the fixed parts of a span take, its keys included.
constexpr size_t kSpanRoom = 2048;
constexpr size_t kEventRoom = 256;

// `list`: kAttributes of a span, kEventAttributes of an event, or 1 of a resource.
char* put_attribute(uint32_t list, std::string_view key, std::string_view value,
                    char* to) noexcept {
  const size_t any = 1 + pb::varint_size(value.size()) + value.size();
  const size_t size = 1 + pb::varint_size(key.size()) + key.size() + 1 + pb::varint_size(any) + any;
  to = pb::put_varint(size, pb::put_tag(list, pb::Wire::bytes, to));
  to = pb::put_bytes(field::kKey, key, to);
  to = pb::put_varint(any, pb::put_tag(field::kValue, pb::Wire::bytes, to));
  return pb::put_bytes(field::kString, value, to);
}

// An int64 or a bool, which are written alike.
char* put_number(uint32_t type, std::string_view key, uint64_t value, char* to) noexcept {
  const size_t any = 1 + pb::varint_size(value);
  const size_t size = 1 + pb::varint_size(key.size()) + key.size() + 2 + any;
  to = pb::put_varint(size, pb::put_tag(field::kAttributes, pb::Wire::bytes, to));
  to = pb::put_bytes(field::kKey, key, to);
  to = pb::put_varint(any, pb::put_tag(field::kValue, pb::Wire::bytes, to));
  return pb::put_uint(type, value, to);
}

// The attributes of one span.
class Put {
 public:
  explicit Put(char* to) noexcept : to_(to) {}

  // Nothing where there is no value.
  void text(std::string_view key, std::string_view value) noexcept {
    if (!value.empty()) {
      to_ = put_attribute(field::kAttributes, key, value, to_);
    }
  }

  void integer(std::string_view key, uint64_t value) noexcept {
    to_ = put_number(field::kInt, key, value, to_);
  }

  void boolean(std::string_view key, bool value) noexcept {
    to_ = put_number(field::kBool, key, value ? 1U : 0U, to_);
  }

  char*& at() noexcept { return to_; }

 private:
  char* to_;
};

// Ids are the bytes that their hex digits say.
char* put_id(uint32_t number, uint64_t id, char* to) noexcept {
  to = pb::put_varint(8, pb::put_tag(number, pb::Wire::bytes, to));
  const uint64_t big_endian = __builtin_bswap64(id);
  std::memcpy(to, &big_endian, 8);
  return to + 8;
}

char* put_trace(const TraceId& id, char* to) noexcept {
  to = pb::put_varint(16, pb::put_tag(field::kTraceId, pb::Wire::bytes, to));
  const std::array<uint64_t, 2> big_endian = {__builtin_bswap64(id.high),
                                              __builtin_bswap64(id.low)};
  std::memcpy(to, big_endian.data(), 16);
  return to + 16;
}

char* put_status(std::string_view message, char* to) noexcept {
  const Message status(field::kStatus, to);
  to = status.begin();
  if (!message.empty()) {
    to = pb::put_bytes(field::kMessage, message, to);
  }
  return status.end(pb::put_uint(field::kCode, kError, to));
}

char* put_times(int64_t start, int64_t end, char* to) noexcept {
  to = pb::put_fixed64(field::kStart, static_cast<uint64_t>(start), to);
  return pb::put_fixed64(field::kEnd, static_cast<uint64_t>(std::max(start, end)), to);
}

char* put_event(int64_t at, std::string_view name, std::string_view plugin, char* to) noexcept {
  const Message event(field::kEvents, to);
  to = pb::put_fixed64(field::kEventTime, static_cast<uint64_t>(at), event.begin());
  to = pb::put_bytes(field::kEventName, name, to);
  if (!plugin.empty()) {
    to = put_attribute(field::kEventAttributes, "pingap.plugin", plugin, to);
  }
  return event.end(to);
}

struct Target {
  std::string_view path;
  std::string_view query;
};

Target split(std::string_view target) noexcept {
  const size_t mark = target.find('?');
  return mark == std::string_view::npos ? Target{target, {}}
                                        : Target{target.substr(0, mark), target.substr(mark + 1)};
}

std::string_view version_text(uint8_t version) noexcept {
  constexpr std::array<std::string_view, 3> kVersions = {"1.0", "1.1", "2"};
  return version < kVersions.size() ? kVersions[version] : std::string_view();
}

// The status as a text, for error.type.
class StatusText {
 public:
  explicit StatusText(uint16_t status) noexcept
      : end_(std::to_chars(text_.data(), text_.data() + text_.size(), status).ptr) {}

  std::string_view view() const noexcept {
    return {text_.data(), static_cast<size_t>(end_ - text_.data())};
  }

 private:
  std::array<char, 5> text_;
  char* end_;
};

char* put_method(const RecordReader& record, Put& put) noexcept {
  const std::string_view method = record.text(Text::method);
  if (record.head().known_method) {
    put.text("http.request.method", method);
  } else {
    put.text("http.request.method", "_OTHER");
    put.text("http.request.method_original", method);
  }
  return put.at();
}

std::string_view method_name(const RecordReader& record) noexcept {
  return record.head().known_method ? record.text(Text::method) : std::string_view("HTTP");
}

// "{method} {route}", or "{method}".
char* put_server_name(const RecordReader& record, char* to) noexcept {
  const std::string_view method = method_name(record);
  const std::string_view route = record.text(Text::route);
  const size_t size = method.size() + (route.empty() ? 0 : 1 + route.size());
  to = pb::put_varint(size, pb::put_tag(field::kName, pb::Wire::bytes, to));
  to = std::copy(method.begin(), method.end(), to);
  if (!route.empty()) {
    *to++ = ' ';
    to = std::copy(route.begin(), route.end(), to);
  }
  return to;
}

void put_addresses(const RecordReader& record, Put& put) noexcept {
  const RecordHead& head = record.head();
  put.text("server.address", record.text(Text::host));
  if (head.port != 0 && !record.text(Text::host).empty()) {
    put.integer("server.port", head.port);
  }
  put.text("client.address", record.text(Text::client));
  put.text("network.peer.address", record.text(Text::peer));
  if (head.peer_port != 0) {
    put.integer("network.peer.port", head.peer_port);
  }
  put.text("network.protocol.version", version_text(head.version));
}

void put_outcome(const RecordReader& record, Put& put) noexcept {
  const RecordHead& head = record.head();
  if (head.status != 0) {
    put.integer("http.response.status_code", head.status);
  }
  const bool reason = head.reason != ErrorCode::none;
  if (reason) {
    put.text("pingap.reason", to_string(head.reason));
  }
  if (is_failure(head.status, head.reason, head.reason_side)) {
    put.text("error.type", reason ? to_string(head.reason) : StatusText(head.status).view());
    put.at() = put_status(reason ? to_string(head.reason) : std::string_view(), put.at());
  }
}

void put_names(const RecordReader& record, Put& put) noexcept {
  put.text("pingap.server", record.text(Text::server));
  put.text("pingap.location", record.text(Text::location));
  put.text("pingap.upstream", record.text(Text::upstream));
  put.text("pingap.plugin", record.text(Text::plugin));
  put.text("pingap.request_id", record.text(Text::request_id));
  if (record.head().attempts > 1) {
    put.integer("pingap.attempts", record.head().attempts);
  }
}

char* put_server(RecordReader& record, RecordReader& events, char* to) noexcept {
  const RecordHead& head = record.head();
  const Message span(field::kSpans, to);
  to = put_id(field::kSpanId, head.span, put_trace(head.trace, span.begin()));
  if (head.parent != 0) {
    to = put_id(field::kParentId, head.parent, to);
  }
  to = pb::put_uint(field::kKind, kServer, put_server_name(record, to));
  to = put_times(head.started, head.started + head.took, to);
  Put put(to);
  put_method(record, put);
  const Target target = split(record.text(Text::target));
  put.text("url.scheme", record.text(Text::scheme));
  put.text("url.path", target.path);
  put.text("url.query", target.query);
  put.text("http.route", record.text(Text::route));
  put_addresses(record, put);
  put.text("user_agent.original", record.text(Text::user_agent));
  put.integer("http.request.body.size", head.request_bytes);
  put.integer("http.response.body.size", head.response_bytes);
  if (head.grpc) {
    put.text("rpc.system", "grpc");
  }
  put_names(record, put);
  put_outcome(record, put);
  to = put.at();
  for (size_t i = 0; i < head.events; ++i) {
    const RecordReader::EventView event = events.next_event();
    to = put_event(head.started + event.at, event.name, event.plugin, to);
  }
  if (head.dropped_events > 0) {
    to = pb::put_uint(field::kDroppedEvents, head.dropped_events, to);
  }
  const uint32_t flags = kKnowsRemote | (head.parent != 0 ? kRemoteParent : 0U);
  return span.end(pb::put_fixed32(field::kFlags, flags | (head.sampled ? 1U : 0U), to));
}

// "host:port", "[::1]:port"; a path of a unix socket has no port.
void put_endpoint(std::string_view endpoint, Put& put) noexcept {
  const size_t colon = endpoint.rfind(':');
  const auto port =
      colon == std::string_view::npos ? std::nullopt : parse_decimal(endpoint.substr(colon + 1));
  std::string_view host = port ? endpoint.substr(0, colon) : endpoint;
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  }
  put.text("server.address", host);
  if (port) {
    put.integer("server.port", *port);
  }
}

// "http://127.0.0.1:8001/path?query", put together in its place.
char* put_url(const RecordReader& record, std::string_view endpoint, char* to) noexcept {
  constexpr std::string_view kUrl = "url.full";
  const bool own = !record.text(Text::to_target).empty();
  const std::array<std::string_view, 4> parts = {record.text(Text::to_scheme), "://", endpoint,
                                                 record.text(own ? Text::to_target : Text::target)};
  size_t length = 0;
  for (const std::string_view part : parts) {
    length += part.size();
  }
  const size_t any = 1 + pb::varint_size(length) + length;
  const size_t size = 2 + kUrl.size() + 1 + pb::varint_size(any) + any;
  to = pb::put_varint(size, pb::put_tag(field::kAttributes, pb::Wire::bytes, to));
  to = pb::put_bytes(field::kKey, kUrl, to);
  to = pb::put_varint(any, pb::put_tag(field::kValue, pb::Wire::bytes, to));
  to = pb::put_varint(length, pb::put_tag(field::kString, pb::Wire::bytes, to));
  for (const std::string_view part : parts) {
    to = std::copy(part.begin(), part.end(), to);
  }
  return to;
}

// 4xx is an error of who asks (conventions, "Status"), which we are here.
void put_try_outcome(const TryRecord& one, Put& put) noexcept {
  const bool reason = one.why != ErrorCode::none;
  if (one.status != 0) {
    put.integer("http.response.status_code", one.status);
  }
  if (reason) {
    put.text("pingap.reason", to_string(one.why));
  }
  if (reason || one.status >= 400) {
    put.text("error.type", reason ? to_string(one.why) : StatusText(one.status).view());
    put.at() = put_status(reason ? to_string(one.why) : std::string_view(), put.at());
  }
}

char* put_client(const RecordReader& record, const RecordReader::TryView& one, size_t resend,
                 char* to) noexcept {
  const RecordHead& head = record.head();
  const TryRecord& tried = one.record;
  const Message span(field::kSpans, to);
  to = put_id(field::kSpanId, tried.span, put_trace(head.trace, span.begin()));
  to = put_id(field::kParentId, head.span, to);
  to = pb::put_bytes(field::kName, method_name(record), to);
  to = pb::put_uint(field::kKind, kClient, to);
  const int64_t end = tried.end >= 0 ? tried.end : head.took;
  to = put_times(head.started + tried.start, head.started + end, to);
  Put put(to);
  put_method(record, put);
  put_endpoint(one.endpoint, put);
  put.at() = put_url(record, one.endpoint, put.at());
  if (resend > 0) {
    put.integer("http.request.resend_count", resend);
  }
  put.text("pingap.upstream", record.text(Text::upstream));
  put.boolean("pingap.connection.reused", tried.reused);
  put_try_outcome(tried, put);
  to = put.at();
  if (!tried.reused && tried.sent > tried.start) {
    to = put_event(head.started + tried.sent, "pingap.connected", {}, to);
  }
  if (tried.first_byte >= 0) {
    to = put_event(head.started + tried.first_byte, "pingap.first_byte", {}, to);
  }
  return span.end(pb::put_fixed32(field::kFlags, kKnowsRemote | (head.sampled ? 1U : 0U), to));
}

}  // namespace

size_t append_spans(const char* record, Bytes& out) {
  RecordReader reader(record);
  const RecordHead& head = reader.head();
  const size_t spans = 1U + head.tries;
  char* to = out.room(spans * (kSpanRoom + 2 * kMaxText + head.size) + head.events * kEventRoom);
  // The texts of tries are before those of events.
  std::array<RecordReader::TryView, RequestTrace::kMaxTries> tries;
  for (size_t i = 0; i < head.tries; ++i) {
    tries[i] = reader.next_try();
  }
  to = put_server(reader, reader, to);
  for (size_t i = 0; i < head.tries; ++i) {
    to = put_client(reader, tries[i], i, to);
  }
  out.used_to(to);
  return spans;
}

}  // namespace pingap::trace
