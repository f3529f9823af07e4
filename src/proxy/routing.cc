#include "proxy/routing.h"

#include <algorithm>
#include <span>

#include "base/strings.h"
#include "config/model.h"
#include "http/host.h"
#include "http/uri.h"
#include "proxy/header_policy.h"
#include "proxy/loop_guard.h"
#include "proxy/upgrade.h"

namespace pingap::proxy {
namespace {

using http::Framing;

Error refused(ErrorCode code, Side side) noexcept {
  return {code, side, Retry::never, 0, nullptr};
}

// Browsers let any page open a WebSocket to anywhere, with cookies: only Origin tells whose page it
// is (RFC 6455 10.2). One that is there twice is nobody's.
bool origin_allowed(const http::HeaderMap& headers, std::span<const std::string> allowed) noexcept {
  if (allowed.empty()) {
    return true;
  }
  std::string_view origin = config::kMissingOrigin;
  size_t count = 0;
  for (const http::Field& field : headers.fields()) {
    if (field.id == http::HeaderId::origin && !field.removed()) {
      origin = field.value();
      ++count;
    }
  }
  const bool said = count == 1 && origin != config::kMissingOrigin;
  return (count == 0 || said) &&
         std::ranges::any_of(allowed, [&](const std::string& one) { return iequals(one, origin); });
}

}  // namespace

bool is_last_hop(const http::RequestHead& head) noexcept {
  if (head.method != http::Method::options) {
    return false;
  }
  const http::Field* hops = head.headers.find(http::HeaderId::max_forwards);
  return hops != nullptr && parse_decimal(hops->value()) == 0U;
}

Result<> canonicalize_request(exchange::Exchange& x, const Site& site) noexcept {
  if (x.request.target.starts_with('?')) {
    // An absolute-form target without a path (RFC 9112 3.2.1).
    x.request.target = x.arena.concat("/", x.request.target);
  }
  const auto canonical = http::canonicalize(x.request.target, site.uri, x.arena);
  if (!canonical) {
    return tl::unexpected(canonical.error());
  }
  x.uri = *canonical;
  x.host = http::normalize_host(x.request.host, x.arena);
  find_client(x, site);
  return {};
}

route::MatchInput match_input(const exchange::Exchange& x) noexcept {
  return {.head = &x.request, .host = x.host, .path = x.uri.match_path, .query = x.uri.query};
}

Result<const Route*> find_route(exchange::Exchange& x, const Site& site) noexcept {
  const int index = site.router->match(match_input(x));
  if (index < 0) {
    return tl::unexpected(refused(ErrorCode::no_route, Side::local));
  }
  const Route* route = site.routes[static_cast<size_t>(index)].get();
  x.location = route->name;
  x.redacted = route->redacted;
  if (route->cluster != nullptr) {
    x.upstream = route->cluster->name;
  }
  return route;
}

Result<> prepare_upstream_request(exchange::Exchange& x, const Site& site, const Route& route,
                                  const Cluster* cluster) noexcept {
  if (route.max_body > 0 && x.request.framing == Framing::length &&
      x.request.content_length > route.max_body) {
    return tl::unexpected(refused(ErrorCode::body_too_large, Side::downstream));
  }
  if (!site.via.empty() && is_loop(x.request.headers, site.via)) {
    return tl::unexpected(refused(ErrorCode::loop_detected, Side::local));
  }
  if (auto made = make_upstream_request(x, site, route); !made) {
    return made;
  }
  http::RequestHead& out = x.upstream_request;
  out.target = x.uri.target;
  if (route.rewrite && !x.request.asterisk) {
    const auto rewritten = route.rewrite->apply(x.uri, x.arena);
    if (!rewritten) {
      return tl::unexpected(rewritten.error());
    }
    out.target = rewritten->target;
  }
  out.framing = x.request.framing;
  out.content_length = x.request.content_length;
  if (x.grpc && cluster->backends.pool.protocol != upstream::Protocol::http1) {
    out.headers.set(http::HeaderId::te, "trailers");  // a call has it (gRPC's PROTOCOL-HTTP2.md)
  }
  if (!x.request.websocket) {
    return {};
  }
  if (!origin_allowed(x.request.headers, route.ws_origins)) {
    return tl::unexpected(refused(ErrorCode::forbidden_origin, Side::downstream));
  }
  if (route.websocket && route.cluster->backends.pool.protocol == upstream::Protocol::h2) {
    ask_connect(x);
    return {};
  }
  if (route.websocket) {
    return ask_upgrade(x) ? Result<>{} : tl::unexpected(refused(ErrorCode::io, Side::local));
  }
  if (x.request.version == http::Version::http2) {
    // Without its protocol nothing is left of an extended CONNECT.
    return tl::unexpected(refused(ErrorCode::unsupported_protocol, Side::downstream));
  }
  return {};
}

}  // namespace pingap::proxy
