#include "proxy/cluster_builder.h"

#include <algorithm>

#include <fmt/format.h>

#include "proxy/discovery_check.h"
#include "proxy/sticky_seed.h"
#include "proxy/tls_loader.h"

namespace pingap::proxy {
namespace {

using config::Diagnostics;

bool is_same(const Cluster& one, const config::Upstream& from, const CertificateFiles& files) {
  return one.source == from && one.tls->is_as_of(files);
}

bool is_same_as_before(const config::Upstream& from, const Snapshot* before) {
  return before != nullptr && std::ranges::any_of(before->clusters, [&](const auto& one) {
           return one->name == from.name && is_same(*one, from, certificate_files(from.tls));
         });
}

class Builder {
 public:
  Builder(Diagnostics& diagnostics, Finding finding, const Snapshot* before,
          const net::NamedAddresses* names, Snapshot& snapshot)
      : diagnostics_(diagnostics),
        finding_(finding),
        before_(before),
        names_(names),
        snapshot_(snapshot) {}

  std::shared_ptr<const Cluster> build(const config::Upstream& from) {
    known_ = nullptr;
    CertificateFiles files = certificate_files(from.tls);  // a change from here on is seen
    for (size_t i = 0; before_ != nullptr && i < before_->clusters.size(); ++i) {
      if (const auto& one = before_->clusters[i]; one->name == from.name) {
        if (is_same(*one, from, files)) {
          return one;
        }
        known_ = one.get();
      }
    }
    return build_cluster(from, std::move(files));
  }

 private:
  std::shared_ptr<Cluster> build_cluster(const config::Upstream& from, CertificateFiles files) {
    auto cluster = std::make_shared<Cluster>();
    cluster->name = from.name;
    cluster->source = from;
    cluster->tls = std::make_shared<UpstreamTls>(UpstreamTls{std::move(files), {}});
    cluster->index = snapshot_.cluster_slots++;
    cluster->settings.connect_timeout = from.connection_timeout;
    cluster->settings.read_timeout = from.read_timeout;
    cluster->settings.write_timeout = from.write_timeout;
    cluster->settings.idle_timeout = from.idle_timeout;
    cluster->settings.tunnel_timeout = kTunnelTimeout;
    build_pool(from, *cluster);
    cluster->backends.pool.session = cluster->settings;
    cluster->backends.name = from.name;
    keep_what_is_known(*cluster);
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

  // What stays whatever the configuration says.
  void keep_what_is_known(Cluster& cluster) const {
    if (known_ != nullptr) {
      cluster.counts = known_->counts;
      cluster.known = known_->known;
      cluster.backends.state = known_->backends.state;
      return;
    }
    cluster.counts = std::make_shared<observe::UpstreamCounts>(snapshot_.workers);
    cluster.known = std::make_shared<upstream::KnownServers>(snapshot_.workers);
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

  void build_pool(const config::Upstream& from, Cluster& cluster) {
    upstream::PoolSettings& to = cluster.backends.pool;
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
    // With the sessions that can be resumed; and connections stay where nothing else is new.
    const bool stays = known_ != nullptr && known_->source.tls == from.tls &&
                       known_->tls->is_as_of(cluster.tls->files);
    to.tls = stays ? share_tls(known_->tls->uses.front(), cluster) : load_tls(from.tls, cluster);
  }

  static std::shared_ptr<const tls::LiveClient> share_tls(const UpstreamTls::Use& use,
                                                          Cluster& cluster) {
    return cluster.tls->uses.emplace_back(use).live;
  }

  std::shared_ptr<const tls::LiveClient> load_tls(const config::UpstreamTls& settings,
                                                  Cluster& cluster) {
    ClientTls loaded = load_client_tls(settings, "upstreams." + cluster.name, cluster.source.at,
                                       diagnostics_, bad_files_for(finding_));
    cluster.tls->files.left_out = std::move(loaded.left_out);
    return share_tls({settings, std::make_shared<tls::LiveClient>(std::move(loaded.context))},
                     cluster);
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
  void build_health_pool(const config::Upstream& from, Cluster& cluster,
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
    config::UpstreamTls tls = from.tls;
    tls.on = true;
    if (to.kind == upstream::CheckKind::grpc) {
      tls.alpn = config::Alpn::h2;
    }
    if (tls != from.tls) {
      to.pool.tls = load_tls(tls, cluster);
    }
  }

  void build_servers(const config::Upstream& from, Cluster& cluster) {
    upstream::Endpoints endpoints;
    endpoints.reserve(from.servers.size());
    for (const config::Server& server : from.servers) {
      add_endpoints(server, *cluster.known, endpoints);
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

  // A name that is looked up this once: each of its addresses is a server, and those of the worse
  // family come one rank later, as of names that are followed.
  void add_endpoints(const config::Server& from, upstream::KnownServers& known,
                     upstream::Endpoints& to) {
    upstream::Endpoint made;
    made.name = from.addr.value;
    made.authority = made.name.starts_with("unix:") ? "localhost" : made.name;
    made.host = net::host_of(made.name);
    made.weight = from.weight;
    made.priority = from.priority;
    std::vector<net::Address> addresses = addresses_of(made.name);
    if (addresses.empty()) {
      addresses = addresses_before(made.authority);
      warn_unresolved(from.addr, !addresses.empty());
    }
    if (addresses.empty()) {
      made.state = known.state_of(made.name);
      to.push_back(std::make_shared<const upstream::Endpoint>(std::move(made)));
      return;
    }
    const bool is_name = !net::Address::parse(from.addr.value);
    for (const net::Address& address : addresses) {
      if (is_name) {
        made.name = address.to_string();
        const bool later = address.get()->sa_family != addresses.front().get()->sa_family;
        made.priority = from.priority + (later ? 1 : 0);
      }
      if (std::ranges::none_of(to, [&](const auto& one) { return one->name == made.name; })) {
        made.address = address;
        made.state = known.state_of(made.name);
        to.push_back(std::make_shared<const upstream::Endpoint>(made));
      }
    }
  }

  // Only this server is out of service: a name that is gone must not keep the rest from starting.
  void warn_unresolved(const config::Located<std::string>& addr, bool stays) {
    diagnostics_.warning(addr.at, fmt::format("`{}` does not resolve", addr.value), {},
                         stays ? "the addresses of before are used"
                               : "no requests go there until it does and pingap is started again");
  }

  // Who cannot say it now takes nobody away.
  std::vector<net::Address> addresses_before(const std::string& name) const {
    std::vector<net::Address> found;
    if (known_ != nullptr) {
      for (const auto& one : known_->servers->endpoints()) {
        if (one->authority == name && one->address) {
          found.push_back(*one->address);
        }
      }
    }
    return found;
  }

  std::vector<net::Address> addresses_of(const std::string& name) const {
    if (names_ != nullptr) {
      if (const auto found = names_->find(name); found != names_->end()) {
        return found->second;
      }
    }
    return net::resolve(name);
  }

  Diagnostics& diagnostics_;
  const Finding finding_;
  const Snapshot* before_;            // null at the start
  const net::NamedAddresses* names_;  // may be null
  const Cluster* known_ = nullptr;    // of before, with the name of the one that is being built
  Snapshot& snapshot_;
};

}  // namespace

std::shared_ptr<const Cluster> build_cluster(const config::Upstream& from, Diagnostics& diagnostics,
                                             Finding finding, const Snapshot* before,
                                             const net::NamedAddresses* names, Snapshot& snapshot) {
  return Builder(diagnostics, finding, before, names, snapshot).build(from);
}

std::vector<std::string> names_to_look_up(const config::Model& model, const Snapshot* before) {
  std::vector<std::string> names;
  for (const config::Upstream& upstream : model.upstreams) {
    if (is_same_as_before(upstream, before)) {
      continue;
    }
    for (const config::Server& server : upstream.servers) {
      if (!net::Address::parse(server.addr.value)) {
        names.push_back(server.addr.value);
      }
    }
  }
  std::ranges::sort(names);
  const auto twice = std::ranges::unique(names);
  names.erase(twice.begin(), twice.end());
  return names;
}

}  // namespace pingap::proxy
