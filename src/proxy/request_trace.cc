#include "proxy/request_trace.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/strings.h"
#include "exchange/secrets.h"
#include "proxy/worker.h"
#include "trace/record.h"
#include "trace/tracer.h"

namespace pingap::proxy {
namespace {

using exchange::Exchange;
using http::Field;
using http::HeaderId;
using trace::Parent;
using trace::Propagation;
using trace::RequestTrace;
using trace::Text;

constexpr std::array<std::string_view, 6> kB3Fields = {
    "b3", "X-B3-TraceId", "X-B3-SpanId", "X-B3-Sampled", "X-B3-ParentSpanId", "X-B3-Flags"};

// One that is there twice is none (W3C Trace Context 3.2): nobody knows which one is meant.
std::optional<Parent> find_traceparent(const http::HeaderMap& headers) noexcept {
  const Field* found = nullptr;
  for (const Field& field : headers.fields()) {
    if (field.id == HeaderId::traceparent && !field.removed()) {
      if (found != nullptr) {
        return std::nullopt;
      }
      found = &field;
    }
  }
  return found == nullptr ? std::nullopt : trace::parse_traceparent(trim(found->value()));
}

std::optional<Parent> find_b3(const http::HeaderMap& headers, const Propagation& how) noexcept {
  if (how.b3) {
    if (const Field* field = headers.find(kB3Fields[0])) {
      return trace::parse_b3(trim(field->value()));
    }
  }
  if (how.b3_multi) {
    return trace::parse_b3_fields(headers.get(kB3Fields[1]), headers.get(kB3Fields[2]),
                                  headers.get(kB3Fields[3]), headers.get(kB3Fields[5]));
  }
  return std::nullopt;
}

bool asks_client(const Exchange& x, const Site& site) noexcept {
  switch (site.tracer->propagation.parents) {
    case Propagation::Parents::all:
      return true;
    case Propagation::Parents::trusted:
      return site.trusted.lists(x.peer_ip);
    case Propagation::Parents::none:
      return false;
  }
  return false;
}

// Where the trace comes from.
std::optional<Parent> find_parent(const http::HeaderMap& headers, const Propagation& how,
                                  RequestTrace& trace) noexcept {
  if (how.tracecontext) {
    if (const auto parent = find_traceparent(headers)) {
      trace.keeps_state = true;
      return parent;
    }
  }
  return how.any_b3() ? find_b3(headers, how) : std::nullopt;
}

// Its list goes on with the trace, unless it is too long (W3C Trace Context 3.3).
void add_tracestate(const http::HeaderMap& in, http::HeaderMap& out) noexcept {
  size_t size = 0;
  size_t members = 0;
  for (const Field& field : in.fields()) {
    if (field.id == HeaderId::tracestate && !field.removed() &&
        !trace::tracestate_fits(field.value(), size, members)) {
      return;
    }
  }
  for (const Field& field : in.fields()) {
    if (size > 0 && field.id == HeaderId::tracestate && !field.removed()) {
      out.add(field);
    }
  }
}

// As a whole line: the codec of HTTP/1 copies such a field in one piece.
void add_traceparent(Exchange& x, http::HeaderMap& out) noexcept {
  RequestTrace& trace = *x.trace;
  char* line = trace.line.data();
  trace::put_traceparent_line(trace.trace, trace.span, trace.sampled, line);
  trace.traceparent_span = line + trace::kTraceparentAt + trace::kTraceparentSpanAt;
  out.add(Field{line, line + trace::kTraceparentAt, trace::kTraceparentSize,
                trace::kTraceparentAt - 2, HeaderId::traceparent, Field::kCanonical});
}

void add_b3_multi(Exchange& x, http::HeaderMap& out) noexcept {
  RequestTrace& trace = *x.trace;
  char* room = x.arena.make_array<char>(trace::kTraceIdSize + trace::kSpanIdSize);
  trace.b3_multi_span = trace::put_trace_id(trace.trace, room);
  trace::put_span_id(trace.span, trace.b3_multi_span);
  out.add(kB3Fields[1], {room, trace::kTraceIdSize});
  out.add(kB3Fields[2], {trace.b3_multi_span, trace::kSpanIdSize});
  out.add(kB3Fields[3], trace.sampled ? "1" : "0");
}

// ---- at the end

// A target whose query shows no secrets, as in the access log.
std::string_view without_secrets(std::string_view target, const Exchange& x,
                                 Arena& arena) noexcept {
  constexpr std::string_view kHidden = "REDACTED";  // the word of the conventions (url.query)
  const size_t mark = target.find('?');
  if (mark == std::string_view::npos) {
    return target;
  }
  std::string_view shown = target.substr(0, mark + 1);
  std::string_view query = target.substr(mark + 1);
  const exchange::SecretLists lists = exchange::secrets_of(x);
  auto secret = exchange::find_secret(query, 0, lists);
  if (secret.begin == std::string_view::npos) {
    return target;
  }
  while (secret.begin != std::string_view::npos && shown.size() < trace::kMaxText) {
    shown = arena.concat(shown, query.substr(0, secret.begin), kHidden);
    query = query.substr(secret.end);
    secret = exchange::find_secret(query, 0, lists);
  }
  return secret.begin == std::string_view::npos ? arena.concat(shown, query) : shown;
}

// "a.test:8080" and "a.test": 8080; without one that of the scheme.
uint16_t port_of(const Exchange& x) noexcept {
  const http::RequestHead& head = x.request;
  if (head.authority.size() > head.host.size() + 1 && head.authority.starts_with(head.host)) {
    if (const auto port = parse_decimal(head.authority.substr(head.host.size() + 1))) {
      return static_cast<uint16_t>(*port);
    }
  }
  return x.scheme == "https" ? uint16_t{443} : uint16_t{80};
}

trace::Texts texts_of(Exchange& x, const Route* route) noexcept {
  trace::Texts texts;
  const std::string_view target = x.uri.target.empty() ? x.request.target : x.uri.target;
  set_text(texts, Text::method, x.request.method_text);
  if (route != nullptr) {
    set_text(texts, Text::route, route->pattern);
  }
  set_text(texts, Text::target, without_secrets(target, x, x.arena));
  set_text(texts, Text::scheme, x.scheme);
  set_text(texts, Text::host, x.host);
  set_text(texts, Text::client, x.client_text);
  set_text(texts, Text::peer, x.peer_text);
  set_text(texts, Text::user_agent, x.request.headers.get(HeaderId::user_agent));
  set_text(texts, Text::server, x.server);
  set_text(texts, Text::location, x.location);
  set_text(texts, Text::upstream, x.upstream);
  set_text(texts, Text::plugin, x.plugin);
  set_text(texts, Text::request_id, x.request_id);
  if (x.trace->tries > 0) {
    const bool tls = route != nullptr && route->cluster->backends.pool.tls != nullptr;
    set_text(texts, Text::to_scheme, tls ? "https" : "http");
    if (x.upstream_request.target != target) {
      set_text(texts, Text::to_target, without_secrets(x.upstream_request.target, x, x.arena));
    }
  }
  return texts;
}

trace::RecordHead head_of(const Exchange& x, WallTime now) noexcept {
  const RequestTrace& trace = *x.trace;
  trace::RecordHead head;
  head.reason = x.reason;
  head.reason_side = x.reason_side;
  head.trace = trace.trace;
  head.span = trace.span;
  head.parent = trace.parent;
  head.took = (x.finished - x.started).count();
  head.started = now.time_since_epoch().count() - head.took;
  head.request_bytes = x.request_bytes;
  head.response_bytes = x.response_bytes;
  head.status = x.status;
  head.attempts = x.attempts;
  head.port = port_of(x);
  head.peer_port = x.peer_port;
  head.dropped_events = trace.dropped_events;
  head.version = static_cast<uint8_t>(x.request.version);
  head.known_method = x.request.method != http::Method::other;
  head.sampled = trace.sampled;
  head.grpc = x.grpc;
  return head;
}

}  // namespace

void begin_trace(Exchange& x, const Site& site, Worker& worker) noexcept {
  trace::SpanRing& ring = site.tracer->rings().of(worker.index());
  RequestTrace& trace = *x.arena.make<RequestTrace>();
  x.trace = &trace;
  trace.asks_client = asks_client(x, site);
  Parent::Sampled said = Parent::Sampled::unsaid;
  const auto parent = trace.asks_client
                          ? find_parent(x.request.headers, site.tracer->propagation, trace)
                          : std::nullopt;
  if (parent) {
    trace.trace = parent->trace;
    trace.parent = parent->span;
    said = parent->sampled;
  } else {
    trace.trace = ring.new_trace_id();
  }
  trace.span = ring.new_span_id();
  trace.sampled = site.tracer->sampler.samples(trace.trace, said, worker.loop().now());
  trace.recording = trace.sampled || site.tracer->sampler.errors();
}

uint8_t replaced_policy(const Exchange& x, const Site& site) noexcept {
  const Propagation& how = site.tracer->propagation;
  const unsigned trace = how.tracecontext ? unsigned{http::kTrace} : 0U;
  const unsigned baggage = how.baggage && x.trace->asks_client ? 0U : unsigned{http::kBaggage};
  return static_cast<uint8_t>(trace | baggage);
}

bool is_b3_field(const Field& field) noexcept {
  if (field.id != HeaderId::other) {
    return false;
  }
  for (const std::string_view known : kB3Fields) {
    if (iequals(known, field.name())) {
      return true;
    }
  }
  return false;
}

void add_trace_fields(Exchange& x, const Site& site, http::HeaderMap& out) noexcept {
  RequestTrace& trace = *x.trace;
  const Propagation& how = site.tracer->propagation;
  if (how.tracecontext) {
    add_traceparent(x, out);
    if (trace.keeps_state) {
      add_tracestate(x.request.headers, out);
    }
  }
  if (!how.any_b3()) {
    return;
  }
  if (how.b3) {
    char* room = x.arena.make_array<char>(trace::kB3Size);
    trace::put_b3(trace.trace, trace.span, trace.sampled, room);
    trace.b3_span = room + trace::kB3SpanAt;
    out.add(kB3Fields[0], {room, trace::kB3Size});
  }
  if (how.b3_multi) {
    add_b3_multi(x, out);
  }
}

trace::Try* begin_traced_try(Exchange& x, Worker& worker, const Site& site,
                             std::string_view endpoint, TimePoint now) noexcept {
  RequestTrace& trace = *x.trace;
  if (trace.tries == RequestTrace::kMaxTries) {
    return nullptr;
  }
  auto* made = x.arena.make<trace::Try>();
  made->span = site.tracer->rings().of(worker.index()).new_span_id();
  made->start = now;
  made->endpoint = endpoint;
  trace.add(*made);
  // A hedged try that is still waiting for its connection will name the span of the later one: both
  // are of one head.
  for (char* digits : {trace.traceparent_span, trace.b3_span, trace.b3_multi_span}) {
    if (digits != nullptr) {
      trace::put_span_id(made->span, digits);
    }
  }
  return made;
}

void add_trace_event(Exchange& x, TimePoint now, std::string_view name,
                     std::string_view plugin) noexcept {
  RequestTrace& trace = *x.trace;
  if (trace.events == RequestTrace::kMaxEvents) {
    ++trace.dropped_events;
    return;
  }
  auto* made = x.arena.make<trace::Event>();
  made->at = now;
  made->name = name;
  made->plugin = plugin;
  trace.add(*made);
}

void record_trace(Exchange& x, const Site& site, const Route* route, Worker& worker) noexcept {
  const RequestTrace& trace = *x.trace;
  if (!trace.sampled && !trace::is_failure(x.status, x.reason, x.reason_side)) {
    return;
  }
  const trace::Texts texts = texts_of(x, route);
  trace::SpanRings& rings = site.tracer->rings();
  trace::SpanRing& ring = rings.of(worker.index());
  char* room = ring.prepare(trace::record_size(texts, trace), 1U + trace.tries);
  if (room == nullptr) {
    return;
  }
  trace::write_record(head_of(x, worker.wall_time()), texts, trace, x.started, room);
  if (ring.commit()) {
    rings.wake();
  }
}

}  // namespace pingap::proxy
