#include "proxy/forwarder.h"

#include <algorithm>

#include "base/strings.h"
#include "http/h1/refused_line.h"
#include "http/limits.h"
#include "http/status.h"
#include "http/websocket.h"
#include "proxy/frontend.h"
#include "proxy/header_policy.h"
#include "proxy/routing.h"
#include "proxy/worker.h"
#include "session/h1_server_session.h"

namespace pingap::proxy {
namespace {

namespace limits = http::limits;

using http::Framing;
using http::Method;

// Slices below this are copied into the replay copy (ByteQueue::share_from).
constexpr size_t kCopyBelow = 4 * 1024;

// What a server as a whole answers to OPTIONS.
constexpr std::string_view kAllowed = "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS";

// Free blocks of this thread, each of the size of a Forwarder. Surplus goes back to malloc.
struct Slab {
  struct Block {
    Block* next;
  };

  Block* head = nullptr;
  size_t size = 0;

  ~Slab() {
    while (head != nullptr) {
      ::operator delete(std::exchange(head, head->next));
    }
  }
};

constexpr size_t kMaxFreeBlocks = 512;

thread_local Slab t_slab;

// The name of each element that the response has in its list `id` stands in the request's, too.
bool offers(const http::HeaderMap& asked, http::HeaderId id,
            const http::HeaderMap& chosen) noexcept {
  std::string_view list = chosen.get(id);
  std::string_view item;
  while (next_list_item(list, item)) {
    const std::string_view name = trim(item.substr(0, item.find(';')));
    bool offered = name.empty();
    for (const http::Field& field : asked.fields()) {
      std::string_view offer_list = field.id == id ? field.value() : std::string_view{};
      std::string_view offer;
      while (!offered && next_list_item(offer_list, offer)) {
        offered = iequals(name, trim(offer.substr(0, offer.find(';'))));
      }
    }
    if (!offered) {
      return false;
    }
  }
  return true;
}

// No server can be picked: what is wrong with them.
ErrorCode why_none(const Cluster& cluster) noexcept {
  bool limited = false;
  bool resolved = false;
  for (const upstream::Endpoint& endpoint : cluster.endpoints) {
    resolved = resolved || !endpoint.addresses.empty();
    limited =
        limited || (endpoint.weight > 0 && endpoint.state->healthy.load(std::memory_order_relaxed));
  }
  if (!resolved) {
    return ErrorCode::upstream_unresolved;
  }
  return limited ? ErrorCode::upstream_limit : ErrorCode::no_upstream;
}

}  // namespace

void* Forwarder::operator new(size_t size) {
  if (t_slab.head == nullptr) {
    return ::operator new(size);
  }
  --t_slab.size;
  return std::exchange(t_slab.head, t_slab.head->next);
}

void Forwarder::operator delete(void* memory) noexcept {
  if (t_slab.size >= kMaxFreeBlocks) {
    ::operator delete(memory);
    return;
  }
  t_slab.head = new (memory) Slab::Block{t_slab.head};
  ++t_slab.size;
}

Forwarder::Forwarder(Frontend& frontend, http::ServerStream& client,
                     session::H1ServerSession& session) noexcept
    : frontend_(frontend),
      client_(client),
      session_(session),
      site_(frontend.site()),
      x(std::span<char>(first_block_)) {
  x.started = frontend_.worker().loop().now();
  x.peer_ip = session.peer_ip();
  x.peer_port = session.peer_port();
  x.peer_text = x.arena.copy(session.peer_text());
  x.client_ip = x.peer_ip;
  x.client_text = x.peer_text;
  x.server = site_.name;
  x.server_addr = frontend.address_text();
  x.server_port = frontend.port();
}

Forwarder::~Forwarder() = default;

// ---- 1 the request head ----

void Forwarder::on_head(http::RequestHead& head, End end) noexcept {
  x.request = head;
  x.request.headers = http::HeaderMap::copy(head.headers, x.arena, 0);
  request_over_ = end == End::yes;
  if (!admit() || !route()) {
    return;
  }
  if (route_->buffer_request && !request_over_) {
    phase_ = Phase::buffering;
    request_spool_.emplace();
    if (x.request.expect_continue) {
      // We must read the body before anybody else can ask for it (RFC 9110 10.1.1).
      http::ResponseHead go_on;
      go_on.status = 100;
      go_on.reason = http::reason_phrase(100);
      client_.send_interim(go_on);
      x.upstream_request.expect_continue = false;
      x.upstream_request.headers.remove(http::HeaderId::expect);
    }
    return;
  }
  try_backend();
}

bool Forwarder::admit() noexcept {
  if (x.request.method == Method::connect || x.request.method == Method::trace) {
    answer_error(ErrorCode::method_not_allowed, Side::downstream);
    return false;
  }
  if (x.request.asterisk) {
    // Asks about the server as a whole: that is us (RFC 9110 9.3.7).
    phase_ = Phase::answered;
    x.response.headers = http::HeaderMap(std::span(x.arena.make_array<http::Field>(2), 2));
    x.response.headers.add(http::HeaderId::server, "pingap");
    x.response.headers.add(http::HeaderId::allow, kAllowed);
    x.response.status = 204;
    x.response.reason = http::reason_phrase(204);
    x.status = 204;
    client_.send_head(x.response, End::yes);
    return false;
  }
  return true;
}

// ---- 2 the location, and what the backend will be sent ----

bool Forwarder::route() noexcept {
  if (auto canonical = canonicalize_request(x, site_); !canonical) {
    answer_error(canonical.error().code, Side::downstream);
    return false;
  }
  const auto found = find_route(x, site_);
  if (!found) {
    answer_error(found.error().code, found.error().side);
    return false;
  }
  route_ = *found;
  if (auto prepared = prepare_upstream_request(x, site_, *route_); !prepared) {
    answer_error(prepared.error().code, prepared.error().side);
    return false;
  }
  if (x.upstream_request.websocket) {
    replayable_ = false;
  }
  return true;
}

// ---- 3 a backend and a connection to it ----

int Forwarder::pick_endpoint() noexcept {
  const Cluster& cluster = *route_->cluster;
  if (had_stale_) {
    return endpoint_;  // it was only the connection that had died
  }
  return frontend_.worker().pick(cluster, x, tried_);
}

void Forwarder::try_backend() noexcept {
  phase_ = Phase::connecting;
  const Cluster& cluster = *route_->cluster;
  Error why = last_error_;
  // A server that cannot even be asked for a connection is passed over at once.
  for (size_t i = 0; i < cluster.endpoints.size(); ++i) {
    endpoint_ = pick_endpoint();
    if (endpoint_ < 0) {
      break;
    }
    const auto index = static_cast<size_t>(endpoint_);
    const upstream::Endpoint& endpoint = cluster.endpoints[index];
    upstream::Reuse reuse = upstream::Reuse::any;
    if (had_stale_) {
      reuse = upstream::Reuse::never;
    } else if (!http::is_idempotent(x.request.method)) {
      reuse = upstream::Reuse::recent;
    }
    had_stale_ = false;
    tried_ |= uint64_t{1} << (index & 63);
    ++x.attempts;
    x.endpoint = endpoint.name;
    x.connect_start = frontend_.worker().loop().now();
    attempt_.emplace(*this, endpoint, cluster.counts_active);
    auto opened = frontend_.worker().pool(cluster, index).open(*attempt_, reuse, route_->settings);
    if (opened) {
      x.upstream_reused = opened->reused;
      attempt_->start(*opened->stream);
      on_connected();  // moved on when a connect is still under way
      send_request();
      return;
    }
    why = opened.error();
    attempt_.reset();
  }
  answer_error(why ? why.code : why_none(cluster), Side::upstream);
}

void Forwarder::on_connected() noexcept {
  x.request_sent = frontend_.worker().loop().now();
}

// ---- 4 sending the request ----

void Forwarder::send_request() noexcept {
  http::RequestHead& out = x.upstream_request;
  if (out.authority.empty()) {
    // An HTTP/1.0 client named no host; HTTP/1.1 needs one (RFC 9112 3.2).
    out.authority = x.endpoint.starts_with("unix:") ? std::string_view("localhost") : x.endpoint;
  }
  const bool whole = request_over_ && x.request_bytes == 0;
  if (request_spool_) {
    out.framing = Framing::length;
    out.content_length = request_spool_->size();
    spool_sent_ = 0;
    attempt_->stream()->send_head(out, End::no);
    pump_request();
    return;
  }
  if (out.framing == Framing::chunked && whole) {
    out.framing = Framing::length;  // the empty body is known by now
    out.content_length = 0;
  }
  attempt_->stream()->send_head(out, whole ? End::yes : End::no);
  if (!replay_.empty()) {
    ByteQueue copy;
    copy.share_from(replay_, 0);
    attempt_->stream()->send_body(copy, request_over_ ? End::yes : End::no);
  } else if (request_over_ && !whole) {
    ByteQueue none;
    attempt_->stream()->send_body(none, End::yes);
  }
}

// From a buffered body: never more on its way than a window.
void Forwarder::pump_request() noexcept {
  ByteQueue piece;
  const uint64_t size = request_spool_->size();
  const uint64_t rest = size - spool_sent_;
  if (auto got =
          request_spool_->read(spool_sent_, std::min<uint64_t>(rest, limits::kWindow), piece);
      !got) {
    on_attempt_failed(got.error());
    return;
  }
  spool_sent_ += piece.size();
  attempt_->stream()->send_body(piece, spool_sent_ == size ? End::yes : End::no);
}

void Forwarder::on_body(ByteQueue& data, End end) noexcept {
  x.request_bytes += data.size();
  if (tunnel_) {
    if (attempt_ && attempt_->stream() != nullptr) {
      attempt_->stream()->send_body(data, end);
    }
    return;
  }
  const bool answered = phase_ == Phase::answered || phase_ == Phase::done;
  if (!answered && route_->max_body > 0 && x.request_bytes > route_->max_body) {
    on_refused(ErrorCode::body_too_large, {});
    return;
  }
  request_over_ = request_over_ || end == End::yes;
  take_request_body(data, end);
}

void Forwarder::take_request_body(ByteQueue& data, End end) noexcept {
  const size_t bytes = data.size();
  if (phase_ == Phase::buffering) {
    if (auto kept = request_spool_->append(data); !kept) {
      answer_error(ErrorCode::buffer_full, Side::local);
      return;
    }
    client_.release_window(bytes);
    end_request(end);
    return;
  }
  if (phase_ == Phase::answered || phase_ == Phase::done) {
    data.clear();
    client_.release_window(bytes);
    return;
  }
  if (replayable_ && x.request_bytes <= limits::kReplay) {
    replay_.share_from(data, kCopyBelow);
  } else if (replayable_) {
    replayable_ = false;
    replay_.clear();
  }
  if (attempt_ && attempt_->stream() != nullptr) {
    attempt_->stream()->send_body(data, end);
  } else if (!replayable_) {
    data.clear();  // no try is under way and none may follow
    client_.release_window(bytes);
  }
}

void Forwarder::end_request(End end) noexcept {
  if (end == End::yes && phase_ == Phase::buffering) {
    try_backend();
  }
}

void Forwarder::on_trailers(http::HeaderMap& trailers) noexcept {
  request_over_ = true;
  if (phase_ == Phase::buffering) {
    end_request(End::yes);  // a buffered body has a length, and no trailers
    return;
  }
  if (!attempt_ || attempt_->stream() == nullptr) {
    return;
  }
  if (route_->pass_trailers) {
    filter_trailers(trailers);
    replayable_ = false;
    replay_.clear();
    attempt_->stream()->send_trailers(trailers);
    return;
  }
  ByteQueue none;
  attempt_->stream()->send_body(none, End::yes);
}

void Forwarder::on_request_sent(uint64_t body_bytes) noexcept {
  if (request_spool_) {
    if (spool_sent_ < request_spool_->size() && spool_sent_ - body_bytes < limits::kWindow / 2) {
      pump_request();
    }
    return;
  }
  // A second try sends again what the first one had: that was given back to the client already.
  if (body_bytes > released_ && !client_gone_) {
    const uint64_t more = body_bytes - released_;
    released_ = body_bytes;
    client_.release_window(static_cast<size_t>(more));
  }
}

// ---- 5 no answer: another try? ----

bool Forwarder::may_retry(const Error& why) const noexcept {
  if (phase_ != Phase::connecting || client_gone_ || x.attempts >= 3 || !replayable_) {
    return false;
  }
  switch (why.code) {
    case ErrorCode::upstream_timeout:
    case ErrorCode::upstream_write_timeout:
    case ErrorCode::upstream_too_many_interim:
    case ErrorCode::buffer_full:  // our disk, not the backend
      return false;
    default:
      break;
  }
  if (why.retry == Retry::safe) {
    return true;
  }
  // What the backend did with the request is not known: once more, and only where twice is the
  // same as once (RFC 9110 9.2.2).
  return http::is_idempotent(x.request.method) && x.attempts < 2;
}

void Forwarder::on_attempt_failed(const Error& why) noexcept {
  if (phase_ == Phase::answered || phase_ == Phase::done) {
    return;
  }
  if (!may_retry(why)) {
    if (phase_ == Phase::connecting) {
      answer_error(why.code, why.side);
    } else {
      abort_response(why.code, why.side);
    }
    return;
  }
  last_error_ = why;
  had_stale_ = x.upstream_reused;
  // Not from inside the failed try.
  frontend_.worker().loop().defer(*this);
}

void Forwarder::on_deferred() noexcept {
  if (phase_ != Phase::connecting) {
    return;
  }
  attempt_.reset();
  try_backend();
}

// ---- 6 the response ----

void Forwarder::on_interim(http::ResponseHead& head) noexcept {
  // Also one that we have sent ourselves, for a buffered body. One whose Connection names fields is
  // too odd to be worth filtering: an interim answer may always be dropped (RFC 9110 15.2).
  if ((head.status == 100 && !x.upstream_request.expect_continue) || head.connection_names_fields) {
    return;
  }
  // What the client has seen of this try cannot be taken back (RFC 8297, security.md 2B).
  if (head.status != 100) {
    replayable_ = false;
  }
  http::ResponseHead out = head;
  for (http::Field& field : out.headers.fields()) {
    if ((http::header_policy(field.id) & http::kHopByHop) != 0) {
      field.remove();
    }
  }
  client_.send_interim(out);
}

// RFC 6455 4.1: the backend has read our key, and chose nothing that the client did not offer.
bool Forwarder::accept_upgrade(const http::ResponseHead& head) const noexcept {
  using http::HeaderId;
  const http::HeaderMap& asked = x.request.headers;
  const http::HeaderMap& chosen = head.headers;
  if (!http::websocket_accepts(asked.get(HeaderId::sec_websocket_key),
                               chosen.get(HeaderId::sec_websocket_accept))) {
    return false;
  }
  return offers(asked, HeaderId::sec_websocket_protocol, chosen) &&
         offers(asked, HeaderId::sec_websocket_extensions, chosen);
}

void Forwarder::on_response(http::ResponseHead& head, End end) noexcept {
  x.first_byte = frontend_.worker().loop().now();
  x.upstream_status = head.status;
  if (head.status == 101 && !accept_upgrade(head)) {
    attempt_->abandon(ErrorCode::upstream_bad_upgrade);
    answer_error(ErrorCode::upstream_bad_upgrade, Side::upstream);
    return;
  }
  phase_ = Phase::responding;
  replay_.clear();
  make_client_response(x, site_, *route_, head);
  x.status = head.status;
  if (head.status == 101) {
    tunnel_ = true;
    x.response.headers.add(http::HeaderId::upgrade, "websocket");
  } else if (route_->buffer_response && end == End::no) {
    response_spool_.emplace();
  }
  client_.send_head(x.response, end);
  if (end == End::yes) {
    end_response();
  }
}

void Forwarder::on_response_body(ByteQueue& data, End end) noexcept {
  x.response_bytes += data.size();
  if (response_spool_) {
    const size_t bytes = data.size();
    if (auto kept = response_spool_->append(data); !kept) {
      abort_response(ErrorCode::buffer_full, Side::local);
      return;
    }
    attempt_->stream()->release_window(bytes);
    response_over_ = end == End::yes;
    pump_response();
  } else {
    client_.send_body(data, end);
  }
  if (end == End::yes) {
    end_response();
  }
}

void Forwarder::on_response_trailers(http::HeaderMap& trailers) noexcept {
  if (response_spool_ || !route_->pass_trailers) {
    ByteQueue none;
    on_response_body(none, End::yes);
    return;
  }
  filter_trailers(trailers);
  client_.send_trailers(trailers);
  end_response();
}

// The backend's answer is complete; of the request nothing more is needed.
void Forwarder::end_response() noexcept {
  response_over_ = true;
  if (!tunnel_) {
    phase_ = Phase::answered;
    if (!request_over_ && attempt_) {
      attempt_->abandon(ErrorCode::none);
    }
  }
}

// From a buffered body: as much as the client takes, never more on its way than a window.
void Forwarder::pump_response() noexcept {
  const uint64_t rest = response_spool_->size() - response_sent_;
  if (rest == 0 && !response_over_) {
    return;
  }
  if (in_flight_ >= limits::kWindow / 2 && rest > 0) {
    return;
  }
  ByteQueue piece;
  const uint64_t room = limits::kWindow - in_flight_;
  if (auto got = response_spool_->read(response_sent_, std::min(rest, room), piece); !got) {
    abort_response(ErrorCode::buffer_full, Side::local);
    return;
  }
  response_sent_ += piece.size();
  in_flight_ += piece.size();
  response_spool_->release(response_sent_);
  const bool last = response_over_ && response_sent_ == response_spool_->size();
  if (last) {
    phase_ = Phase::answered;
  }
  client_.send_body(piece, last ? End::yes : End::no);
  if (last) {
    response_spool_.reset();
  }
}

void Forwarder::on_sent(size_t bytes) noexcept {
  if (response_spool_) {
    in_flight_ -= std::min<uint64_t>(bytes, in_flight_);
    pump_response();
    return;
  }
  if (attempt_ && attempt_->stream() != nullptr) {
    attempt_->stream()->release_window(bytes);
  }
}

// ---- 7 answers of our own ----

void Forwarder::on_refused(ErrorCode why, std::string_view head) noexcept {
  if (phase_ == Phase::answered) {
    return;  // the answer is complete and goes out; the rest of the request is not missed
  }
  if (!head.empty()) {
    const http::h1::RefusedLine line = http::h1::read_refused_line(head);
    x.request.method_text = x.arena.copy(line.method);
    x.request.target = x.arena.copy(line.target);
    x.request.version = line.version;
  }
  x.reason_side = Side::downstream;
  if (attempt_) {
    attempt_->abandon(why);
  }
  if (phase_ == Phase::responding) {
    abort_response(why, Side::downstream);
    return;
  }
  answer_error(why, Side::downstream);
}

void Forwarder::answer_error(ErrorCode why, Side side) noexcept {
  phase_ = Phase::answered;
  x.reason = why;
  x.reason_side = side;
  replay_.clear();
  if (attempt_) {
    attempt_->abandon(why);
  }
  x.response = {};
  http::ResponseHead& out = x.response;
  ByteQueue body;
  frontend_.worker().snapshot().error_pages.render(http::status_for(why), why,
                                                   x.request.headers.get(http::HeaderId::accept),
                                                   x.arena, out, body);
  x.status = out.status;
  // What follows a CONNECT may be meant for the other end of the tunnel that there is not.
  out.keep_alive = x.request.method != Method::connect;
  if (x.request.method == Method::head) {
    body.clear();
  }
  x.response_bytes = body.size();
  client_.send_head(out, body.empty() ? End::yes : End::no);
  if (!body.empty()) {
    client_.send_body(body, End::yes);
  }
}

// The head is out, the rest will not come: the client must see that it is not whole.
void Forwarder::abort_response(ErrorCode why, Side side) noexcept {
  // Bad framing shows right behind the head, before anything has left: that can still be a clean
  // 502. A body that breaks off is shown as it is, broken off.
  if (!client_gone_ && why == ErrorCode::upstream_bad_framing && client_.unsend()) {
    response_spool_.reset();
    answer_error(why, side);
    return;
  }
  x.reason = why;
  x.reason_side = side;
  if (!client_gone_) {
    client_gone_ = true;
    client_.reset(why);
  }
  finish();
}

// ---- 8 the end ----

void Forwarder::on_closed(const Error& why) noexcept {
  client_gone_ = true;
  if (why && x.reason == ErrorCode::none) {
    x.reason = why.code;
    x.reason_side = why.side;
  }
  finish();
}

void Forwarder::finish() noexcept {
  if (phase_ == Phase::done) {
    return;
  }
  phase_ = Phase::done;
  net::Deferrable::unlink();
  if (attempt_) {
    attempt_->abandon(x.reason);
  }
  x.finished = frontend_.worker().loop().now();
  if (x.status == 0) {
    x.status = http::status_for(x.reason);
  }
  frontend_.on_exchange_done(x);
  frontend_.worker().loop().retire(this);
}

}  // namespace pingap::proxy
