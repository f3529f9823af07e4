#include "proxy/snapshot.h"

#include <algorithm>
#include <unordered_set>

#include <fmt/format.h>

#include "base/cores.h"
#include "config/read_file.h"
#include "proxy/cluster_builder.h"
#include "proxy/plugin_builder.h"
#include "proxy/route_counts.h"
#include "proxy/tls_loader.h"
#include "proxy/tracing_builder.h"

namespace pingap::proxy {
namespace {

using config::Diagnostics;

constexpr size_t kMaxTemplate = 1 << 20;  // bytes: it is sent whole with each error

class Builder {
 public:
  Builder(const config::Model& model, Diagnostics& diagnostics, Finding finding,
          const Snapshot* before, const net::NamedAddresses* names)
      : model_(model),
        diagnostics_(diagnostics),
        finding_(finding),
        before_(before),
        names_(names),
        snapshot_(std::make_shared<Snapshot>()) {}

  std::shared_ptr<const Snapshot> build() {
    snapshot_->basic = model_.basic;
    snapshot_->workers = model_.basic.threads == 0 ? usable_cores() : model_.basic.threads;
    if (before_ != nullptr) {
      snapshot_->workers = before_->workers;  // that many run
      snapshot_->cluster_slots = before_->cluster_slots;
    }
    snapshot_->logging = build_log_settings(model_, diagnostics_);
    read_error_template();
    for (const config::Upstream& upstream : model_.upstreams) {
      snapshot_->clusters.push_back(
          build_cluster(upstream, diagnostics_, finding_, before_, names_, *snapshot_));
      const Cluster& made = *snapshot_->clusters.back();
      snapshot_->cluster_names.emplace(made.name, &made);
    }
    plugins_.emplace(model_, diagnostics_, before_, *snapshot_);
    build_tls();
    if (model_.metrics.on() && !model_.metrics.collector.url.empty()) {
      snapshot_->metrics_pems =
          read_pems(model_.metrics.collector, config::OtlpSignal::metrics, diagnostics_);
    }
    if (model_.metrics.on()) {
      snapshot_->gateway_ca =
          read_pem("push_tls_ca", model_.metrics.gateway.ca, tls::Readers::any, diagnostics_);
    }
    build_tracing(model_.tracing, diagnostics_, before_, *snapshot_);
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
    const bool of_metrics = model_.metrics.on() && model_.metrics.tls.on();
    if (std::ranges::any_of(model_.servers, has_tls) || !model_.certificates.empty() ||
        of_metrics) {
      if (snapshot_->ticket_keys == nullptr) {
        snapshot_->ticket_keys =
            std::make_shared<tls::TicketKeys>(std::chrono::steady_clock::now());
      }
      tls_loader_.emplace(model_, diagnostics_, *snapshot_->ticket_keys, bad_files_for(finding_));
    }
    if (of_metrics) {
      const config::Metrics& metrics = model_.metrics;
      snapshot_->metrics_files = certificate_files(model_, metrics.tls);
      snapshot_->metrics_tls =
          load_tls(metrics.tls, "metrics", metrics.at, snapshot_->metrics_files);
    }
  }

  // Always there with TLS, even where nobody can be served: else it would be plain.
  std::unique_ptr<tls::LiveServer> load_tls(const config::ServerTls& from, std::string_view section,
                                            config::Position at, CertificateFiles& files) {
    if (!from.on()) {
      return nullptr;
    }
    auto [context, left_out] = tls_loader_->build(from, section, at);
    files.left_out = std::move(left_out);
    return std::make_unique<tls::LiveServer>(std::move(context));
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

  std::unique_ptr<Site> build_site(const config::Listener& from) {
    auto site = std::make_unique<Site>();
    site->name = from.name;
    site->addrs.reserve(from.addrs.size());
    for (const auto& address : from.addrs) {
      site->addrs.push_back(address.value);
    }
    fill_settings(from, *site);
    if (tls_loader_) {
      site->certificate_files =
          certificate_files(model_, from.tls);  // a change from here on is seen
      site->tls = load_tls(from.tls, "servers." + from.name, from.at, site->certificate_files);
    }
    site->via = from.via ? model_.basic.name : std::string();
    site->proxy_status = from.proxy_status ? model_.basic.name : std::string();
    site->trusted = build_networks(from.trusted_proxies);
    site->proxies = build_networks(from.proxy_protocol_from);
    site->plugins = plugins_->chain(from.plugins, "servers." + from.name);
    if (model_.metrics.on()) {
      site->counts = known_counts(from.name);
    }
    site->tracer = snapshot_->tracer.get();
    build_routes(from, *site);
    for (const auto& route : site->routes) {
      site->settings.websocket = site->settings.websocket || route->websocket;
      // A tunnel's time is kept on the side of the backend, by location: ours must not be shorter.
      site->settings.tunnel_timeout =
          std::max(site->settings.tunnel_timeout, route->settings.tunnel_timeout);
    }
    build_logs(from, *site);
    return site;
  }

  // What a server of this name has been counted by.
  std::shared_ptr<observe::SiteCounts> known_counts(const std::string& name) const {
    if (const Site* known = find_site(before_, name); known != nullptr && known->counts) {
      return known->counts;
    }
    return std::make_shared<observe::SiteCounts>(name, snapshot_->workers);
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
    RouteCounts counts(before_, site, snapshot_->workers, counted_routes_);
    for (const auto& name : from.locations) {
      const config::Location* location = model_.find_location(name.value);
      if (location != nullptr) {
        locations.push_back(location);
        listed_.insert(location);
        site.routes.push_back(build_route(*location, site));
        site.routes.back()->counts = counts.find(location->name);
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
    route->pattern = from.path.value.empty() ? "/" : from.path.value;
    route->cluster = snapshot_->find_cluster(from.upstream.value);
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
    route->plugins = plugins_->chain(from.plugins, "locations." + from.name);
    add_others(site.plugins, from.timeouts, *route);
    add_others(route->plugins, from.timeouts, *route);
    build_edits(from, *route);
    return route;
  }

  void add_others(const plugin::Chain& chain, const config::Timeouts& timeouts,
                  Route& route) const {
    for (const plugin::Use& use : chain.uses()) {
      for (const auto& name : use.instance->upstreams) {
        const Cluster* cluster = snapshot_->find_cluster(name.value);
        if (cluster != nullptr && route.find_other(name.value) == nullptr) {
          session::ClientSettings settings = cluster->settings;
          apply_timeouts(timeouts, settings);
          route.others.push_back({cluster, settings});
        }
      }
    }
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

  // A location that says nothing about it shares its server's.
  void build_logs(const config::Listener& from, Site& site) {
    site.log = add_log(from.access_log, site);
    site.redacted = add_redaction(from.access_log, site);
    for (const auto& route : site.routes) {
      const config::Location* location = model_.find_location(route->name);
      const auto all = inherit_access_log(from.access_log, location->access_log);
      route->log = all == from.access_log ? site.log : add_log(all, site);
      route->redacted =
          all.redact == from.access_log.redact ? site.redacted : add_redaction(all, site);
    }
  }

  // Whether there is a log or not: traces go by it, too.
  static const exchange::SecretName* add_redaction(const config::AccessLog& from, Site& site) {
    return from.redact ? site.redactions.emplace_back(*from.redact).first() : nullptr;
  }

  const RequestLog* add_log(const config::AccessLog& from, Site& site) {
    auto log = build_request_log(from, diagnostics_);
    if (log == nullptr) {
      return nullptr;
    }
    log->index = site.logs.size();
    return site.logs.emplace_back(std::move(log)).get();
  }

  const config::Model& model_;
  Diagnostics& diagnostics_;
  const Finding finding_;
  const Snapshot* before_;            // null at the start
  const net::NamedAddresses* names_;  // that were looked up already; may be null
  std::shared_ptr<Snapshot> snapshot_;
  std::optional<TlsLoader> tls_loader_;
  std::optional<PluginBuilder> plugins_;
  std::unordered_set<const config::Location*> listed_;  // by some server
  size_t counted_routes_ = 0;
};

}  // namespace

std::shared_ptr<const Snapshot> build_snapshot(const config::Model& model,
                                               config::Diagnostics& diagnostics, Finding finding,
                                               const Snapshot* before,
                                               const net::NamedAddresses* names) {
  return Builder(model, diagnostics, finding, before, names).build();
}

}  // namespace pingap::proxy
