#include "proxy/forwarder.h"

#include <algorithm>

#include "http/grpc.h"
#include "http/params.h"
#include "http/status.h"
#include "net/socket.h"
#include "proxy/frontend.h"
#include "proxy/header_policy.h"
#include "proxy/request_metrics.h"
#include "proxy/request_trace.h"
#include "proxy/routing.h"
#include "proxy/upgrade.h"
#include "proxy/worker.h"
#include "session/server_session.h"

namespace pingap::proxy {
namespace {

using http::Framing;
using http::Method;

// What a server as a whole answers to OPTIONS.
constexpr std::string_view kAllowed = "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS";

}  // namespace

Forwarder::Forwarder(Frontend& frontend, http::ServerStream& client,
                     session::ServerSession& session) noexcept
    : frontend_(frontend),
      client_(&client),
      session_(session),
      generation_(frontend.worker().pin()),
      site_(frontend.site()),
      x(std::span<char>(first_block_)),
      request_body_(client, x.arena),
      response_body_(client) {
  frontend.introduce(x, session);
  count_begun(site_, frontend.worker());
  frontend.worker().under_way().add(*this);
}

Forwarder::~Forwarder() {
  plugins_.reset();  // what it keeps of the request may belong to plugins of the generation
  frontend_.worker().unpin(generation_);
}

// ---- 1 the request head ----

void Forwarder::on_head(http::RequestHead& head, End end) noexcept {
  x.request = head;
  x.request.headers = http::HeaderMap::copy(head.headers, x.arena, 0);
  if (end == End::yes) {
    request_body_.set_over();
  }
  x.grpc = http::is_grpc(x.request);
  if (site_.tracer != nullptr) {
    begin_trace(x, site_, frontend_.worker());
  }
  if (admit() && identify() && (site_.plugins.empty() || run_plugins(site_.plugins))) {
    route();
  }
}

// The location has let it through.
void Forwarder::go_to_backend() noexcept {
  choose_upstream();
  if (cluster_ == nullptr) {
    answer_error(ErrorCode::no_route, Side::local);  // its plugins answer others
    return;
  }
  if (auto prepared = prepare_upstream_request(x, site_, *route_, cluster_); !prepared) {
    answer_error(prepared.error().code, prepared.error().side);
    return;
  }
  if (web_) {
    web_->ask(x.upstream_request);
  }
  if (x.upstream_request.websocket) {
    request_body_.forbid_replay();
  }
  if (holds_body_) {
    open_request_filters();
  }
  if (route_->buffer_request && !x.grpc && !request_body_.over()) {
    phase_ = Phase::buffering;
    request_body_.buffer();
    if (x.request.expect_continue) {
      ask_for_body();
    }
  } else {
    try_backend();
  }
  release_early_body();
}

// We must read the body before anybody else can ask for it (RFC 9110 10.1.1).
void Forwarder::ask_for_body() noexcept {
  http::ResponseHead go_on;
  go_on.status = 100;
  go_on.reason = http::reason_phrase(100);
  client_->send_interim(go_on);
  x.upstream_request.expect_continue = false;
  x.upstream_request.headers.remove(http::HeaderId::expect);
}

bool Forwarder::admit() noexcept {
  if (x.request.method == Method::connect || x.request.method == Method::trace) {
    answer_error(ErrorCode::method_not_allowed, Side::downstream);
    return false;
  }
  if (x.request.asterisk || is_last_hop(x.request)) {
    // Asks about the server as a whole, or the last one it may reach: that is us (RFC 9110 9.3.7,
    // 7.6.2).
    phase_ = Phase::answered;
    x.response.headers = http::HeaderMap(std::span(x.arena.make_array<http::Field>(2), 2));
    x.response.headers.add(http::HeaderId::server, "pingap");
    x.response.headers.add(http::HeaderId::allow, kAllowed);
    x.response.status = 204;
    x.response.reason = http::reason_phrase(204);
    x.status = 204;
    client_->send_head(x.response, End::yes);
    return false;
  }
  return true;
}

// ---- 2 the location, and what the backend will be sent ----

// The one form of target and host that everything goes by, and who the client is.
bool Forwarder::identify() noexcept {
  if (auto canonical = canonicalize_request(x, site_); !canonical) {
    answer_error(canonical.error().code, Side::downstream);
    return false;
  }
  if (site_.tls != nullptr && x.tls_server_name != x.host &&
      !site_.tls->get()->serves(x.tls_server_name, x.host)) {
    answer_error(ErrorCode::misdirected, Side::downstream);  // RFC 9110 15.5.20
    return false;
  }
  return true;
}

void Forwarder::route() noexcept {
  const auto found = find_route(x, site_);
  if (!found) {
    answer_error(found.error().code, found.error().side);
    return;
  }
  route_ = *found;
  if (route_->grpc_web) {
    bridge_grpc_web();
  }
  if ((x.grpc || route_->timeout > Duration::zero()) && !watch_deadline()) {
    return;
  }
  if (route_->plugins.empty() || run_plugins(route_->plugins)) {
    go_to_backend();
  }
}

// From here on it is a call of gRPC, but for its bodies.
void Forwarder::bridge_grpc_web() noexcept {
  if (!GrpcWeb::asked_by(x.request)) {
    return;
  }
  client_ = &web_.emplace(*client_, x.request, x.arena);
  request_body_.set_client(*client_);
  response_body_.set_client(*client_);
  x.grpc = true;
}

// ---- 3 a backend and a connection to it ----

bool Forwarder::pick_server(upstream::Backends& backends,
                            upstream::Backends::Picked& picked) noexcept {
  if (set_version_ != backends.version()) {
    set_version_ = backends.version();  // their indices say nothing any more
    had_stale_ = false;
    least_tier_ = 0;
    tried_ = {};
  }
  if (had_stale_) {
    had_stale_ = false;
    if (backends.again(server_, picked)) {
      fresh_ = true;  // it was only the connection that had died
      return true;
    }
  }
  upstream::balancer::Request request{.tried = tried_, .least_tier = least_tier_};
  std::string_view token;
  if (const Cluster& cluster = *cluster_; cluster.looks_at_requests) {
    if (cluster.hash_key) {
      request.key = cluster.hash_key->of(x);
    }
    if (cluster.sticky) {
      http::find_cookie(x.request.headers, cluster.sticky->cookie, token);
    }
  }
  return backends.pick(request, token, picked);
}

void Forwarder::try_backend() noexcept {
  phase_ = Phase::connecting;
  const Cluster& cluster = *cluster_;
  upstream::Backends& backends = frontend_.worker().backends(cluster);
  if (x.request_bytes > 0 && !request_body_.complete()) {
    answer_error(ErrorCode::io, Side::local);  // never send a part of a body as all of it
    return;
  }
  if (const auto& tls = cluster.backends.pool.tls; tls != nullptr && !tls->ready()) {
    answer_error(ErrorCode::upstream_tls_files, Side::local);  // whatever checks say of its servers
    return;
  }
  if (backends.queued() && !its_turn_) {
    if (!wait_for_room(backends)) {
      answer_unplaced(backends);  // others were first, and there are too many of them
    }
    return;
  }
  // A server that cannot even be asked for a connection is passed over at once.
  upstream::Backends::Picked picked;
  while (pick_server(backends, picked)) {
    upstream::Reuse reuse = upstream::Reuse::any;
    if (fresh_) {
      fresh_ = false;
      reuse = upstream::Reuse::never;
    } else if (!http::is_idempotent(x.request.method)) {
      reuse = upstream::Reuse::recent;
    }
    if (open_try(backends, picked, reuse)) {
      if (route_->retry.watched) {
        watch_try();
      } else if (attempt_->connecting()) {
        watch_connect();
      }
      send_request();
      return;
    }
    drop_attempt();
  }
  if (last_error_ || !backends.has_room_later() || !wait_for_room(backends)) {
    answer_unplaced(backends);
  }
}

// attempt_ from here on; false: it has no connection, for last_error_.
bool Forwarder::open_try(upstream::Backends& backends, const upstream::Backends::Picked& picked,
                         upstream::Reuse reuse) noexcept {
  const Cluster& cluster = *cluster_;
  if (x.attempts > 0 && !rival_) {
    note_failed(x.endpoint, how_it_failed());
  }
  server_ = picked.index;
  tried_.add(server_);
  ++x.attempts;
  x.endpoint = picked.pool->endpoint().name;
  x.connect_start = frontend_.worker().loop().now();
  std::optional<Attempt>& room = tries_[rival_ ? 1 : 0];  // the earlier one is in the other
  attempt_ = &room.emplace(*this, backends, cluster, picked, std::exchange(repeats_, false));
  if (x.trace != nullptr && x.trace->recording) {
    attempt_->trace_by(begin_traced_try(x, frontend_.worker(), site_, x.endpoint, x.connect_start));
  }
  auto opened = picked.pool->open(
      *attempt_, reuse, *settings_,
      {x.host, cluster.send_proxy ? proxy_header(*cluster.send_proxy) : std::string_view(),
       x.upstream_request.websocket && cluster.backends.pool.protocol != upstream::Protocol::h2});
  if (!opened) {
    attempt_->note_failure(opened.error());
    last_error_ = opened.error();
    return false;
  }
  x.upstream_reused = opened->reused;
  x.request_sent = x.connect_start;  // moved on when a connect is still under way
  attempt_->start(*opened);
  return true;
}

// What a backend that wants to know who the client is gets in front of the request.
std::string_view Forwarder::proxy_header(net::ProxyVersion version) noexcept {
  const net::Address here = net::local_address(session_.fd());
  // Behind a trusted proxy the client's port is not known.
  const uint16_t port = x.client_ip == x.peer_ip ? x.peer_port : uint16_t{0};
  net::ProxyHeaderRoom room;
  return x.arena.copy(
      net::write_proxy_header(version, {x.client_ip, port}, {here.ip(), here.port()}, room));
}

TimePoint Forwarder::now() const noexcept {
  return frontend_.worker().loop().now();
}

void Forwarder::on_connected(const Attempt& from) noexcept {
  const TimePoint now = frontend_.worker().loop().now();
  if (timer_for_ == TimerFor::race) {
    timer_.reset();
  }
  if (rival_ && rival_->races) {
    settle(from);
  }
  if (&from == attempt_) {
    x.request_sent = now;
  } else if (rival_) {
    rival_->request_sent = now;
  }
}

// ---- 4 sending the request ----

void Forwarder::send_request() noexcept {
  http::RequestHead& out = x.upstream_request;
  if (out.authority.empty()) {
    // An HTTP/1.0 client named no host; HTTP/1.1 needs one (RFC 9112 3.2).
    out.authority = x.arena.copy(attempt_->endpoint().authority);
  }
  const bool whole = request_body_.over() && x.request_bytes == 0 && !request_body_.has_trailers();
  if (request_body_.buffered()) {
    out.framing = Framing::length;
    out.content_length = request_body_.size();
  } else if (out.framing == Framing::chunked && whole) {
    out.framing = Framing::length;  // the empty body is known by now
    out.content_length = 0;
  }
  if (whole) {
    attempt_->stream()->send_head(out, End::yes);
    return;
  }
  attempt_->stream()->send_head(out, End::no);
  if (auto sent = request_body_.send_to(*attempt_->stream()); !sent) {
    on_attempt_failed(*attempt_, sent.error());
  }
}

// Its body as it comes, and that of the response: forwarder_bodies.cc.

// ---- 5 no answer: another try? forwarder_retry.cc, forwarder_hedge.cc ----

// ---- 6 the response ----

void Forwarder::on_interim(const Attempt& from, http::ResponseHead& head) noexcept {
  if (rival_ || &from != attempt_) {
    return;  // not decided yet whose answer it will be
  }
  // Also one that we have sent ourselves, for a buffered body. One whose Connection names fields is
  // too odd to be worth filtering: an interim answer may always be dropped (RFC 9110 15.2).
  if ((head.status == 100 && !x.upstream_request.expect_continue) || head.connection_names_fields) {
    return;
  }
  // What the client has seen of this try cannot be taken back (RFC 8297, security.md 2B).
  if (head.status != 100) {
    request_body_.forbid_replay();
  }
  http::ResponseHead out = head;
  filter_interim(site_, *route_, out.headers);
  client_->send_interim(out);
}

void Forwarder::on_response(Attempt& from, http::ResponseHead& head, End end) noexcept {
  const bool bad = route_->retry.statuses.contains(head.status);
  if (rival_) {
    if (bad) {
      lose(from, status_text(head.status));
      return;
    }
    settle(from);
  }
  x.first_byte = frontend_.worker().loop().now();
  x.upstream_status = head.status;
  if (bad && retry_status()) {
    return;
  }
  timer_.reset();
  if (!fits_upgrade(x, head)) {
    attempt_->count_failure(ErrorCode::upstream_bad_upgrade);
    attempt_->abandon(ErrorCode::upstream_bad_upgrade);
    answer_error(ErrorCode::upstream_bad_upgrade, Side::upstream);
    return;
  }
  phase_ = Phase::responding;
  request_body_.forbid_replay();
  make_client_response(x, site_, *route_, head);
  if (cluster_->sticky) {
    keep_client_here();
  }
  if (head.framing == Framing::tunnel) {
    tunnel_ = open_tunnel(x);
    if (!tunnel_) {
      answer_error(ErrorCode::io, Side::local);
      return;
    }
  } else if (route_->buffer_response && !x.grpc && end == End::no) {
    response_body_.buffer();
  }
  End head_end = end;
  if (edits_response() && !edit_response(head_end)) {
    return;
  }
  if (tunnel_) {
    frontend_.worker().under_way().move_to_tunnels(*this);
  }
  x.status = x.response.status;
  client_->send_head(x.response, head_end);
  send_made_body(head_end, end);
  if (end == End::yes) {
    end_response();
  } else if (x.response.framing == Framing::length && !response_body_.buffered() && !filtered_) {
    offer_pipe(*attempt_->stream(), *client_, head.content_length);
  }
}

// The backend's answer is complete; of the request nothing more is needed.
void Forwarder::end_response() noexcept {
  if (tunnel_) {
    return;
  }
  phase_ = Phase::answered;
  if (!request_body_.over() && attempt_ != nullptr) {
    attempt_->abandon(ErrorCode::none);
  }
}

}  // namespace pingap::proxy
