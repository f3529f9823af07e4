#include "proxy/snapshot.h"

#include <algorithm>
#include <unordered_set>

#include <fmt/format.h>

#include "base/cores.h"
#include "base/file_state.h"
#include "config/read_file.h"
#include "proxy/discovery_check.h"
#include "proxy/sticky_seed.h"
#include "proxy/tls_loader.h"
#include "tls/pem_source.h"

namespace pingap::proxy {
namespace {

using config::Diagnostics;
using std::chrono::hours;

constexpr Duration kTunnelTimeout = hours(1);
constexpr size_t kMaxTemplate = 1 << 20;  // bytes: it is sent whole with each error

class Builder {
 public:
  Builder(const config::Model& model, Diagnostics& diagnostics, Finding finding,
          const Snapshot* before)
      : model_(model),
        diagnostics_(diagnostics),
        finding_(finding),
        before_(before),
        snapshot_(std::make_shared<Snapshot>()) {}

  std::shared_ptr<const Snapshot> build() {
    snapshot_->basic = model_.basic;
    snapshot_->workers = model_.basic.threads == 0 ? usable_cores() : model_.basic.threads;
    if (before_ != nullptr) {
      snapshot_->workers = before_->workers;  // that many run
      snapshot_->cluster_slots = before_->cluster_slots;
    }
    read_error_template();
    for (const config::Upstream& upstream : model_.upstreams) {
      snapshot_->clusters.push_back(cluster_of(upstream));
    }
    build_tls();
    for (const config::Listener& listener : model_.servers) {
      snapshot_->sites.push_back(build_site(listener));
    }
    for (const config::Location& location : model_.locations) {
      if (!listed_.contains(&location)) {
        build_route(location, Site{});  // only for what is wrong with it
      }
    }
    return snapshot_;
  }

 private:
  void build_tls() {
    const auto has_tls = [](const config::Listener& one) { return one.tls.on(); };
    if (before_ != nullptr) {
      // Also without TLS from now on: handshakes may be under way.
      snapshot_->ticket_keys = before_->ticket_keys;
    }
    if (std::ranges::any_of(model_.servers, has_tls) || !model_.certificates.empty()) {
      if (snapshot_->ticket_keys == nullptr) {
        snapshot_->ticket_keys =
            std::make_shared<tls::TicketKeys>(std::chrono::steady_clock::now());
      }
      tls_loader_.emplace(model_, diagnostics_, *snapshot_->ticket_keys);
    }
  }

  void read_error_template() {
    const auto& path = model_.basic.error_template;
    if (path.value.empty()) {
      return;
    }
    auto text = config::read_file(path.value, kMaxTemplate);
    if (!text || text->empty()) {
      diagnostics_.error(path.at, fmt::format("cannot use error_template `{}`", path.value), {},
                         text ? "the file is empty" : std::move(text.error()));
      return;
    }
    snapshot_->error_pages.set_template(std::move(*text));
  }

  std::shared_ptr<const Cluster> cluster_of(const config::Upstream& from) {
    known_ = nullptr;
    std::string files = state_of_files(from);
    for (size_t i = 0; before_ != nullptr && i < before_->clusters.size(); ++i) {
      if (const auto& one = before_->clusters[i]; one->name == from.name) {
        if (one->source == from && one->files_state == files) {
          return one;
        }
        known_ = one.get();
      }
    }
    auto cluster = build_cluster(from);
    cluster->files_state = std::move(files);
    return cluster;
  }

  static std::string state_of_files(const config::Upstream& from) {
    std::string state;
    for (const auto* source : {&from.tls.ca, &from.tls.pair.cert, &from.tls.pair.key}) {
      const std::string path = source->value.empty() ? std::string() : tls::path_of(source->value);
      state += path.empty() ? path : file_state(path) + ";";
    }
    return state;
  }

  std::shared_ptr<Cluster> build_cluster(const config::Upstream& from) {
    auto cluster = std::make_shared<Cluster>();
    cluster->name = from.name;
    cluster->source = from;
    cluster->index = snapshot_->cluster_slots++;
    cluster->settings.connect_timeout = from.connection_timeout;
    cluster->settings.read_timeout = from.read_timeout;
    cluster->settings.write_timeout = from.write_timeout;
    cluster->settings.idle_timeout = from.idle_timeout;
    cluster->settings.tunnel_timeout = kTunnelTimeout;
    build_pool(from, cluster->backends.pool);
    cluster->backends.pool.session = cluster->settings;
    cluster->backends.name = from.name;
    build_breaker(from, cluster->backends);
    cluster->failure_statuses = from.breaker.statuses;
    if (from.send_proxy_protocol != config::SendProxy::off) {
      cluster->send_proxy = from.send_proxy_protocol == config::SendProxy::v1
                                ? net::ProxyVersion::v1
                                : net::ProxyVersion::v2;
      cluster->backends.pool.max_idle =
          0;  // a connection says who its client is: nobody else may have it
    }
    cluster->backends.counts_active = from.algorithm == config::Algorithm::least_conn ||
                                      from.algorithm == config::Algorithm::random ||
                                      from.hash_balance_factor > 0 || from.max_connections > 0;
    build_balancing(from, *cluster);
    build_servers(from, *cluster);
    cluster->looks_at_requests = cluster->hash_key || cluster->sticky;
    if (from.health) {
      build_health(from, *cluster);
    }
    return cluster;
  }

  static void build_breaker(const config::Upstream& from, upstream::BackendsSettings& to) {
    to.breaker.max_unreachable = from.breaker.max_fails;
    to.breaker.max_failures = from.breaker.max_failures;
    to.breaker.max_percent = from.breaker.max_percent;
    to.breaker.min_requests = from.breaker.min_requests;
    to.breaker.window = from.breaker.window;
    to.breaker.open_for = from.breaker.open;
    to.breaker.successes = from.breaker.successes;
    if (from.breaker.scope != config::BreakerScope::server) {
      to.whole_breaker = to.breaker;
      to.whole_breaker.max_unreachable = 0;
    }
    if (from.breaker.scope == config::BreakerScope::upstream) {
      to.breaker.max_failures = 0;
      to.breaker.max_percent = 0;
      to.breaker.successes = 1;
    }
    to.max_ejected_percent = from.breaker.max_ejected_percent;
    to.retry_percent = from.retry_percent;
    to.retry_least = from.retry_least;
    to.counts_whole = from.hash_balance_factor > 0;
    to.max_active = from.max_connections;
    to.queue_timeout = from.queue_timeout;
    if (from.queue_timeout > std::chrono::milliseconds::zero()) {
      to.max_pending = from.max_pending;
    }
  }

  void build_pool(const config::Upstream& from, upstream::PoolSettings& to) {
    to.max_idle = from.keepalive_pool_size;
    to.min_idle = from.keepalive_pool_min;
    to.max_requests = from.keepalive_requests;
    to.max_age = from.max_connection_age;
    to.max_streams = from.max_streams;
    if (from.protocol == config::Protocol::h2c) {
      to.protocol = upstream::Protocol::h2;
    }
    if (!from.tls.on) {
      return;
    }
    switch (from.tls.alpn) {
      case config::Alpn::h1:
        break;
      case config::Alpn::h2:
        to.protocol = upstream::Protocol::h2;
        break;
      case config::Alpn::either:
        to.protocol = upstream::Protocol::either;
        break;
    }
    to.sni_is_host = from.tls.sni.value == "$host";
    to.sni = to.sni_is_host ? std::string() : from.tls.sni.value;
    to.verify_name = from.tls.verify_name.value;
    to.tls = load_client_tls(from, diagnostics_);
  }

  void build_balancing(const config::Upstream& from, Cluster& cluster) {
    upstream::Balancing& to = cluster.balancing;
    to.algorithm = from.algorithm;
    to.max_active = from.max_connections;
    to.balance_percent = from.hash_balance_factor;
    to.slow_start = from.slow_start;
    to.upstream = from.name;
    if (from.sticky.cookie.empty()) {
      return;
    }
    to.sticky_secret =
        from.sticky.secret.empty() ? sticky_secret_of(from.name) : from.sticky.secret;
    StickyCookie& sticky = cluster.sticky.emplace();
    sticky.cookie = from.sticky.cookie;
    sticky.before = sticky.cookie + "=";
    sticky.after = "; Path=/; HttpOnly; SameSite=Lax";
    if (from.sticky.ttl > std::chrono::milliseconds::zero()) {
      sticky.after +=
          fmt::format("; Max-Age={}",
                      std::chrono::duration_cast<std::chrono::seconds>(from.sticky.ttl).count());
    }
    sticky.after_secure = sticky.after + "; Secure";
  }

  void build_health(const config::Upstream& from, Cluster& cluster) {
    upstream::HealthSettings& to = cluster.health.emplace();
    const config::Health& health = *from.health;
    switch (health.kind) {
      case config::HealthKind::tcp:
        to.kind = upstream::CheckKind::tcp;
        break;
      case config::HealthKind::http:
        to.kind = upstream::CheckKind::http;
        break;
      case config::HealthKind::grpc:
        to.kind = upstream::CheckKind::grpc;
        break;
    }
    build_health_pool(from, cluster, to);
    to.session = cluster.settings;
    to.session.connect_timeout = health.connect_timeout;
    to.session.read_timeout = health.timeout;
    to.session.write_timeout = health.timeout;
    to.session.idle_timeout = 2 * health.interval + health.timeout;  // until the next check
    to.authority = health.host;
    to.path = health.path;
    to.method = health.method;
    for (const config::HeaderEdit& header : health.headers) {
      to.headers.emplace_back(header.name, header.value);
    }
    to.statuses = health.statuses;
    to.body = health.body;
    to.service = health.service;
    to.interval = health.interval;
    to.timeout = health.timeout;
    to.jitter_percent = health.jitter_percent;
    to.rise = health.rise;
    to.fall = health.fall;
    if (cluster.send_proxy) {
      net::ProxyHeaderRoom room;  // nobody asks but we ourselves
      to.opening = net::write_proxy_header(*cluster.send_proxy, {}, {}, room);
    }
  }

  // By what a server is asked: as requests would, but for what the check says itself.
  void build_health_pool(const config::Upstream& from, const Cluster& cluster,
                         upstream::HealthSettings& to) {
    to.pool = cluster.backends.pool;
    to.pool.max_idle = from.health->reuse && !cluster.send_proxy ? 1 : 0;
    if (to.kind == upstream::CheckKind::grpc) {
      to.pool.protocol = upstream::Protocol::h2;
    }
    if (to.pool.sni_is_host) {
      to.pool.sni_is_host = false;
      to.pool.sni = std::string(net::host_of(from.health->host + ":"));
    }
    if (!from.health->tls) {
      return;
    }
    config::Upstream with_tls = from;
    with_tls.tls.on = true;
    if (to.kind == upstream::CheckKind::grpc) {
      with_tls.tls.alpn = config::Alpn::h2;
    }
    to.pool.tls = load_client_tls(with_tls, diagnostics_);
  }

  void build_servers(const config::Upstream& from, Cluster& cluster) {
    upstream::Endpoints endpoints;
    endpoints.reserve(from.servers.size());
    for (const config::Server& server : from.servers) {
      endpoints.push_back(build_endpoint(server));
    }
    cluster.servers =
        std::make_shared<upstream::EndpointSet>(cluster.balancing, std::move(endpoints));
    if (from.algorithm == config::Algorithm::ip_hash || from.algorithm == config::Algorithm::hash) {
      cluster.hash_key.emplace(from.hash_source, from.hash_name);
    }
    cluster.discovery = from.discovery;
    cluster.default_port = from.tls.on ? 443 : 80;
    if (finding_ == Finding::tried) {
      try_discovery(from.discovery, cluster.default_port, diagnostics_);
    }
  }

  std::shared_ptr<const upstream::Endpoint> build_endpoint(const config::Server& from) {
    auto made = std::make_shared<upstream::Endpoint>();
    upstream::Endpoint& endpoint = *made;
    endpoint.name = from.addr.value;
    endpoint.authority = endpoint.name.starts_with("unix:") ? "localhost" : endpoint.name;
    endpoint.host = net::host_of(endpoint.name);
    endpoint.weight = from.weight;
    endpoint.priority = from.priority;
    endpoint.addresses = net::resolve(from.addr.value);
    endpoint.state = known_state(endpoint.name);
    if (endpoint.addresses.empty()) {
      // Only this server is out of service: a name that is gone must not keep the rest from
      // starting.
      diagnostics_.warning(from.addr.at, fmt::format("`{}` does not resolve", endpoint.name), {},
                           "no requests go there until it does and pingap is started again");
      // One that runs keeps its addresses until the new configuration is in use (LiveUpstreams).
      if (endpoint.state.use_count() == 1) {
        endpoint.state->set_out(upstream::Out::unresolved, true);
      }
    }
    return made;
  }

  // A server of before is what it was then.
  std::shared_ptr<upstream::EndpointState> known_state(const std::string& name) {
    if (known_ != nullptr) {
      for (const auto& one : known_->servers->endpoints()) {
        if (one->name == name) {
          return one->state;
        }
      }
    }
    return std::make_shared<upstream::EndpointState>(snapshot_->workers);
  }

  std::unique_ptr<Site> build_site(const config::Listener& from) {
    auto site = std::make_unique<Site>();
    site->name = from.name;
    site->addrs.reserve(from.addrs.size());
    for (const auto& address : from.addrs) {
      site->addrs.push_back(address.value);
    }
    fill_settings(from, *site);
    if (tls_loader_) {
      site->certificate_files = certificate_files(model_, from);  // a change from here on is seen
      if (auto context = tls_loader_->build(from)) {
        site->tls = std::make_unique<LiveTls>(std::move(context));
      }
    }
    site->via = from.via ? model_.basic.name : std::string();
    site->trusted = build_networks(from.trusted_proxies);
    site->proxies = build_networks(from.proxy_protocol_from);
    build_routes(from, *site);
    for (const auto& route : site->routes) {
      site->settings.websocket = site->settings.websocket || route->websocket;
      // A tunnel's time is kept on the side of the backend, by location: ours must not be shorter.
      site->settings.tunnel_timeout =
          std::max(site->settings.tunnel_timeout, route->settings.tunnel_timeout);
    }
    build_access_log(from, *site);
    return site;
  }

  static NetworkSet build_networks(const std::vector<config::Located<std::string>>& from) {
    NetworkSet set;
    for (const auto& network : from) {
      if (const auto parsed = Network::parse(network.value)) {
        set.add(*parsed);
      }
    }
    return set;
  }

  static void fill_settings(const config::Listener& from, Site& site) {
    session::ServerSettings& settings = site.settings;
    settings.limits.bytes = from.max_header_size;
    settings.limits.fields = from.max_headers;
    settings.header_timeout = from.header_timeout;
    settings.keepalive_timeout = from.keepalive_timeout;
    settings.body_timeout = from.body_timeout;
    settings.write_timeout = from.write_timeout;
    settings.tunnel_timeout = kTunnelTimeout;
    settings.min_body_rate = from.min_body_rate;
    settings.keepalive_requests = from.keepalive_requests;
    site.uri.merge_slashes = from.merge_slashes;
    site.uri.encoded_slash = from.encoded_slash;
    site.underscores = from.underscores_in_headers;
    site.max_connections = from.max_connections;
  }

  void build_routes(const config::Listener& from, Site& site) {
    std::vector<const config::Location*> locations;
    for (const auto& name : from.locations) {
      const config::Location* location = model_.find_location(name.value);
      if (location != nullptr) {
        locations.push_back(location);
        listed_.insert(location);
        site.routes.push_back(build_route(*location, site));
      }
    }
    auto router = route::Router::build(locations, site.uri);
    if (!router) {
      for (const route::BuildError& error : router.error()) {
        diagnostics_.error(error.at, error.what);
      }
      return;
    }
    site.router = std::move(*router);
  }

  std::unique_ptr<Route> build_route(const config::Location& from, const Site& site) {
    auto route = std::make_unique<Route>();
    route->name = from.name;
    for (const auto& cluster : snapshot_->clusters) {
      if (cluster->name == from.upstream.value) {
        route->cluster = cluster.get();
      }
    }
    if (route->cluster != nullptr) {  // else reported by the loader; here the rest is looked at
      route->settings = route->cluster->settings;
    }
    apply_timeouts(from.timeouts, route->settings);
    route->timeout = from.timeouts.total.value_or(std::chrono::milliseconds::zero());
    build_retries(from.retries, route->retry);
    auto rewrite = route::Rewrite::compile(from, site.uri);
    if (!rewrite) {
      diagnostics_.error(from.rewrite.at, rewrite.error());
    } else if (!rewrite->empty()) {
      route->rewrite = std::move(*rewrite);
    }
    route->max_body = from.client_max_body_size;
    route->buffer_request = from.request_buffering;
    route->buffer_response = from.response_buffering;
    route->pass_trailers = from.pass_trailers;
    route->websocket = from.websocket;
    route->ws_origins = from.ws_allowed_origins;
    route->grpc_web = from.grpc_web.value;
    build_edits(from, *route);
    return route;
  }

  static void build_retries(const config::Retries& from, upstream::RetryPolicy& to) {
    using upstream::RetryOn;
    to.on = 0;
    for (const auto& [wanted, what] :
         {std::pair{from.connect, RetryOn::connect}, std::pair{from.reset, RetryOn::reset},
          std::pair{from.timeout, RetryOn::timeout},
          std::pair{from.bad_response, RetryOn::bad_response}}) {
      to.on |= wanted ? static_cast<uint8_t>(what) : 0;
    }
    to.statuses = from.statuses;
    to.most = from.most.value_or(to.most);
    to.most_seen = from.most.value_or(to.most_seen);
    to.window = from.window;
    to.per_try = from.per_try;
    to.hedge_after = from.hedge_after;
    to.watched = to.per_try > Duration::zero() || to.hedge_after > Duration::zero();
    to.any_method = from.any_method;
  }

  static void apply_timeouts(const config::Timeouts& from, session::ClientSettings& to) {
    if (from.connect) {
      to.connect_timeout = *from.connect;
    }
    if (from.read) {
      to.read_timeout = *from.read;
    }
    if (from.write) {
      to.write_timeout = *from.write;
    }
    if (from.tunnel) {
      to.tunnel_timeout = *from.tunnel;
    }
  }

  void build_edits(const config::Location& from, Route& route) {
    add_rules(from.headers_set, route.response_set);
    add_rules(from.headers_add, route.response_add);
    add_names(from.headers_remove, route.response_remove);
    add_rules(from.proxy_set_headers, route.request_set);
    add_rules(from.proxy_add_headers, route.request_add);
    add_names(from.proxy_remove_headers, route.request_remove);
    for (const HeaderRule& rule : route.request_set) {
      if (rule.id == http::HeaderId::host) {
        route.host_rule = &rule;
      }
    }
  }

  void add_rules(const std::vector<config::HeaderEdit>& from, std::vector<HeaderRule>& to) {
    for (const config::HeaderEdit& edit : from) {
      auto value = exchange::Template::compile(edit.value);
      if (!value) {
        diagnostics_.error(edit.at, value.error());
        continue;
      }
      to.push_back({edit.name, http::find_header_id(edit.name), std::move(*value)});
    }
  }

  static void add_names(const std::vector<config::Located<std::string>>& from,
                        std::vector<HeaderRule>& to) {
    for (const auto& name : from) {
      to.push_back({name.value, http::find_header_id(name.value), {}});
    }
  }

  // "PATH" or "PATH FORMAT"; a format's name alone is no path.
  void build_access_log(const config::Listener& from, Site& site) {
    const std::string& text = from.access_log.value;
    if (text.empty()) {
      return;
    }
    const size_t space = text.find(' ');
    site.access_log_path = text.substr(0, space);
    auto format = exchange::AccessLogFormat::compile(
        space == std::string::npos ? std::string_view{} : std::string_view(text).substr(space + 1));
    if (!format) {
      diagnostics_.error(from.access_log.at, format.error());
      return;
    }
    site.access_log = std::move(*format);
  }

  const config::Model& model_;
  Diagnostics& diagnostics_;
  const Finding finding_;
  const Snapshot* before_;          // null at the start
  const Cluster* known_ = nullptr;  // of before, with the name of the one that is being built
  std::shared_ptr<Snapshot> snapshot_;
  std::optional<TlsLoader> tls_loader_;
  std::unordered_set<const config::Location*> listed_;  // by some server
};

}  // namespace

std::shared_ptr<const Snapshot> build_snapshot(const config::Model& model,
                                               config::Diagnostics& diagnostics, Finding finding,
                                               const Snapshot* before) {
  return Builder(model, diagnostics, finding, before).build();
}

}  // namespace pingap::proxy
