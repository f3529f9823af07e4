// [upstreams.NAME]: its keys against each other, once all are read.
#include <algorithm>
#include <array>

#include "base/strings.h"
#include "config/schema.h"
#include "config/suggest.h"
#include "config/syntax.h"

namespace pingap::config {
namespace {

constexpr std::string_view kHashForms =
    R"("ip", "url", "path", "header:NAME", "cookie:NAME" or "query:NAME")";

struct HashForm {
  std::string_view name;
  HashSource source;
  bool named;  // "header:NAME"
};

constexpr std::array<HashForm, 6> kHashSources = {{{"ip", HashSource::ip, false},
                                                   {"url", HashSource::url, false},
                                                   {"path", HashSource::path, false},
                                                   {"header", HashSource::header, true},
                                                   {"cookie", HashSource::cookie, true},
                                                   {"query", HashSource::query, true}}};

// "ip", "header:NAME", ...
void apply_hash_key(const Located<std::string>& key, Upstream& out, Reader& reader) {
  const std::string_view text = key.value;
  const size_t colon = text.find(':');
  const std::string_view name =
      colon == std::string_view::npos ? std::string_view{} : trim(text.substr(colon + 1));
  const auto form = std::ranges::find(kHashSources, trim(text.substr(0, colon)), &HashForm::name);
  if (form == kHashSources.end() || form->named != !name.empty() || !is_printable(name)) {
    reader.error(key.at, {quote(text) + " is nothing to hash on", std::string(kHashForms), {}});
    return;
  }
  if (form->source == HashSource::header && !reader.check(key.at, check_header_name(name))) {
    return;
  }
  out.hash_source = form->source;
  out.hash_name = std::string(name);
}

// What only TLS can do must not be hoped for without it.
void finish_tls(UpstreamDraft& draft, Reader& reader) {
  UpstreamTls& tls = draft.upstream.tls;
  const bool named = !tls.sni.value.empty();
  if (given(tls.on_at) && !tls.on && named) {
    reader.error(tls.sni.at, {"`sni` with tls = false", {}, "remove one of them"});
  }
  tls.on = tls.on || named;
  if (tls.on) {
    if (draft.upstream.protocol == Protocol::h2c) {
      reader.error(
          draft.upstream.at,
          {"protocol = \"h2c\" is HTTP/2 without TLS", {}, "with TLS it is alpn = \"h2\""});
    }
    if (!tls.verify) {
      reader.diagnostics().warning(draft.verify_at,
                                   "anybody can pass for this upstream: verify_cert is off", {},
                                   "name its authority with `ca` instead");
    }
    return;
  }
  for (const Position at : {tls.verify_name.at, tls.ca.at, tls.pair.cert.at, tls.alpn_at}) {
    if (given(at)) {
      reader.error(at, {"this needs TLS to the servers", {}, "set tls = true, or `sni`"});
    }
  }
}

void finish_breaker(Breaker& breaker) {
  if (breaker.statuses.empty()) {
    breaker.statuses.add("5xx");
  }
  if (breaker.successes == 0) {
    breaker.successes = breaker.max_failures + breaker.max_percent > 0 ? 5 : 1;
  }
}

// A connection that says who its client is cannot be had by others.
void check_send_proxy(const UpstreamDraft& draft, Reader& reader) {
  const Upstream& out = draft.upstream;
  if (out.send_proxy_protocol == SendProxy::off) {
    return;
  }
  if (given(draft.pool_size_at) && out.keepalive_pool_size > 0) {
    reader.error(draft.pool_size_at,
                 {"`keepalive_pool_size` with `send_proxy_protocol`",
                  {},
                  "remove it: a connection that says who its client is cannot be kept for others"});
  }
  if (out.protocol == Protocol::h2c || out.tls.alpn != Alpn::h1) {
    reader.error(draft.send_proxy_at,
                 {"`send_proxy_protocol` with HTTP/2",
                  {},
                  "clients share the connections of HTTP/2; use http1, or X-Forwarded-For"});
  }
}

void finish_hash(const UpstreamDraft& draft, Upstream& out, Reader& reader) {
  const bool hashes = out.algorithm == Algorithm::hash;
  if (hashes && !given(draft.hash_key.at)) {
    reader.error(draft.algorithm_at, {"algorithm \"hash\" needs to know what to hash on",
                                      {},
                                      "set hash_key to " + std::string(kHashForms)});
  } else if (!hashes && given(draft.hash_key.at)) {
    reader.error(draft.hash_key.at, {"`hash_key` without algorithm = \"hash\"", {}, {}});
  } else if (hashes) {
    apply_hash_key(draft.hash_key, out, reader);
  }
}

// Keys that do nothing without another one.
void check_companions(const UpstreamDraft& draft, Reader& reader) {
  const Upstream& out = draft.upstream;
  if (given(draft.queue_at) && out.max_connections == 0) {
    reader.error(draft.queue_at, {"`queue_timeout` without `max_connections`",
                                  {},
                                  "nothing waits where servers may have any number of requests"});
  }
  if (given(draft.sticky_secret_at) && out.sticky.cookie.empty()) {
    reader.error(draft.sticky_secret_at, {"`sticky_secret` without `sticky_cookie`", {}, {}});
  }
  if (out.keepalive_pool_min > out.keepalive_pool_size) {
    reader.error(draft.pool_min_at,
                 {"`keepalive_pool_min` is more than `keepalive_pool_size`", {}, {}});
  }
  const bool h2 = out.protocol == Protocol::h2c || out.tls.alpn != Alpn::h1;
  if (!h2 && given(draft.max_streams_at)) {
    reader.error(draft.max_streams_at, {"`max_streams` without protocol = \"h2c\" or `alpn`",
                                        {},
                                        "HTTP/1.1 has one request at a time on a connection"});
  }
}

// The original has one name for both. Records and files may say weights of their own.
void finish_algorithm(Upstream& out) {
  const auto weighs = [](const Server& server) { return server.weight != 1; };
  const auto may_weigh = [](const Sought& one) {
    return one.weight != 1 || one.by == Sought::By::service;
  };
  if (out.algorithm == Algorithm::round_robin &&
      (is_listed(out.discovery.kind) || std::ranges::any_of(out.servers, weighs) ||
       std::ranges::any_of(out.discovery.sought, may_weigh))) {
    out.algorithm = Algorithm::weighted_round_robin;
  }
}

}  // namespace

Upstream finish(UpstreamDraft draft, Reader& reader) {
  Upstream& out = draft.upstream;
  finish_tls(draft, reader);
  finish_servers(draft, reader);
  finish_hash(draft, out, reader);
  check_send_proxy(draft, reader);
  check_companions(draft, reader);
  finish_breaker(out.breaker);
  if (out.health) {
    finish(*out.health);
  }
  finish_algorithm(out);
  return std::move(out);
}

}  // namespace pingap::config
