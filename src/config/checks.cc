#include "config/checks.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <fmt/format.h>

#include "config/suggest.h"

namespace pingap::config {
namespace {

constexpr size_t kMaxCandidates = 1000;  // beyond that, looking for a near name takes too long

template <class Entries>
std::vector<std::string_view> names_of(const Entries& entries) {
  std::vector<std::string_view> names;
  names.reserve(entries.size());
  for (const auto& entry : entries) {
    names.push_back(entry.name);
  }
  return names;
}

void report_reference(Diagnostics& diagnostics, const Located<std::string>& name,
                      std::string_view kind, const std::vector<std::string_view>& names) {
  if (diagnostics.full() || names.size() > kMaxCandidates) {
    diagnostics.error(name.at, fmt::format("there is no [{}s.{}]", kind, plain(name.value)));
    return;
  }
  std::string hint = did_you_mean(name.value, names);
  std::string allowed;
  if (hint.empty()) {
    allowed =
        names.empty() ? fmt::format("no {} is defined", kind) : "one of " + join_names(names, 10);
  }
  diagnostics.error(name.at, fmt::format("there is no [{}s.{}]", kind, plain(name.value)),
                    std::move(allowed), std::move(hint));
}

void check_upstreams(const Model& model, Diagnostics& diagnostics) {
  const auto names = names_of(model.upstreams);
  for (const Location& location : model.locations) {
    // Without a place it was reported where it was read.
    if (location.upstream.at.line > 0 && model.find_upstream(location.upstream.value) == nullptr) {
      report_reference(diagnostics, location.upstream, "upstream", names);
    }
  }
}

// gRPC is at home in HTTP/2 only: its status comes in trailers.
void check_grpc_web(const Model& model, Diagnostics& diagnostics) {
  for (const Location& location : model.locations) {
    const Upstream* upstream =
        location.grpc_web.value ? model.find_upstream(location.upstream.value) : nullptr;
    if (upstream != nullptr && upstream->protocol != Protocol::h2c &&
        (!upstream->tls.on || upstream->tls.alpn == Alpn::h1)) {
      diagnostics.error(location.grpc_web.at,
                        fmt::format("`grpc_web` needs HTTP/2, and [upstreams.{}] speaks HTTP/1.1",
                                    upstream->name),
                        {}, R"(give the upstream protocol = "h2c" or, with TLS, alpn = "h2")");
    }
  }
}

// A certificate needs its key, and what only TLS can do must not be hoped for without it.
void check_pair(const CertificatePair& pair, Diagnostics& diagnostics) {
  const bool cert = !pair.cert.value.empty();
  if (cert != !pair.key.value.empty()) {
    diagnostics.error(cert ? pair.cert.at : pair.key.at,
                      cert ? "`tls_cert` needs `tls_key`" : "`tls_key` needs `tls_cert`");
  }
}

void check_tls(const Model& model, Diagnostics& diagnostics) {
  for (const Listener& server : model.servers) {
    const ServerTls& tls = server.tls;
    check_pair(tls.pair, diagnostics);
    if (!tls.client_ca.value.empty() && !tls.on()) {
      diagnostics.error(tls.client_ca.at, "`tls_client_ca` without TLS would check nobody", {},
                        "give the server `tls_cert` and `tls_key`, or `global_certificates`");
    }
    if (tls.min_version > tls.max_version) {
      diagnostics.error(server.at, "`tls_min_version` is above `tls_max_version`");
    }
    if (tls.store && model.certificates.empty()) {
      diagnostics.error(server.at, "`global_certificates` without a [certificates.NAME]");
    }
  }
  for (const Upstream& upstream : model.upstreams) {
    check_pair(upstream.tls.pair, diagnostics);
  }
  const CertificateEntry* first = nullptr;
  for (const CertificateEntry& certificate : model.certificates) {
    if (certificate.is_default && first != nullptr) {
      diagnostics.error(certificate.at, "`is_default` is set twice",
                        fmt::format("first in [certificates.{}]", first->name));
    }
    first = certificate.is_default ? &certificate : first;
  }
}

// Everything that decides whether a request matches, as one text.
std::string match_key(const Location& location) {
  std::vector<std::string> parts;
  parts.reserve(location.hosts.size() + location.methods.size());
  for (const Located<std::string>& host : location.hosts) {
    parts.push_back("h" + host.value);
  }
  for (const std::string& method : location.methods) {
    parts.push_back("m" + method);
  }
  const auto add = [&parts](char kind, const std::vector<FieldMatch>& matches) {
    for (const FieldMatch& match : matches) {
      parts.push_back(
          fmt::format("{}{}\n{}", kind, match.name, match.value ? "=" + *match.value : ""));
    }
  };
  add('f', location.match_headers);
  add('q', location.match_query);
  add('c', location.match_cookies);
  std::ranges::sort(parts);
  return fmt::format("{}\n{}\n{}", static_cast<int>(location.path_type), location.path.value,
                     fmt::join(parts, "\n"));
}

// CF-02: of two locations that match the same requests, one would never get any.
void check_shadowed(const Listener& server, const Model& model, Diagnostics& diagnostics) {
  std::unordered_map<std::string, const Location*> seen;
  for (const Located<std::string>& name : server.locations) {
    const Location* location = model.find_location(name.value);
    if (location == nullptr) {
      continue;
    }
    const auto [it, fresh] = seen.emplace(match_key(*location), location);
    if (!fresh && it->second != location) {
      diagnostics.error(name.at,
                        fmt::format("{} and {} match the same requests: one is never reached",
                                    quote(it->second->name), quote(location->name)),
                        {}, "let host, path or conditions differ");
    }
  }
}

void check_locations(const Model& model, Diagnostics& diagnostics) {
  const auto names = names_of(model.locations);
  for (const Listener& server : model.servers) {
    std::unordered_set<std::string_view> listed;
    for (const Located<std::string>& name : server.locations) {
      if (model.find_location(name.value) == nullptr) {
        report_reference(diagnostics, name, "location", names);
      } else if (!listed.insert(name.value).second) {
        diagnostics.warning(name.at, quote(name.value) + " is in this list twice");
      }
    }
    check_shadowed(server, model, diagnostics);
  }
}

// Whether some text or key in it is `name`: what plugins send requests to is for their types to
// know.
bool mentions(const Value& value, std::string_view name) {
  const auto in_item = [&](const Value& one) { return mentions(one, name); };
  const auto in_member = [&](const Member& one) {
    return one.key == name || mentions(one.value, name);
  };
  return (value.kind == ValueKind::string && value.text == name) ||
         std::ranges::any_of(value.items, in_item) || std::ranges::any_of(value.members, in_member);
}

void check_unused(const Model& model, Diagnostics& diagnostics) {
  std::unordered_set<std::string_view> upstreams;
  for (const Location& location : model.locations) {
    upstreams.insert(location.upstream.value);
  }
  for (const Upstream& upstream : model.upstreams) {
    const auto uses = [&](const Plugin& one) { return mentions(one.options, upstream.name); };
    if (!upstreams.contains(upstream.name) && std::ranges::none_of(model.plugins, uses)) {
      diagnostics.warning(upstream.at,
                          fmt::format("no location uses [upstreams.{}]", upstream.name));
    }
  }
  std::unordered_set<std::string_view> locations;
  for (const Listener& server : model.servers) {
    for (const Located<std::string>& name : server.locations) {
      locations.insert(name.value);
    }
    if (server.locations.empty()) {
      diagnostics.warning(
          server.at, fmt::format("[servers.{}] has no locations: it answers every request with 404",
                                 server.name));
    }
  }
  for (const Location& location : model.locations) {
    if (!locations.contains(location.name)) {
      diagnostics.warning(location.at, fmt::format("no server uses [locations.{}]", location.name));
    }
  }
}

void check_listeners(const Model& model, Diagnostics& diagnostics) {
  std::unordered_map<std::string_view, const Located<std::string>*> seen;
  const auto check = [&](const Located<std::string>& addr) {
    if (addr.value.ends_with(":0")) {
      return;  // another port each time
    }
    const auto [it, fresh] = seen.emplace(addr.value, &addr);
    if (!fresh) {
      diagnostics.error(addr.at, quote(addr.value) + " is listened on twice",
                        fmt::format("first at {}", diagnostics.place(it->second->at)));
    }
  };
  for (const Listener& server : model.servers) {
    std::ranges::for_each(server.addrs, check);
  }
  if (model.metrics.on()) {
    Located<std::string> addr = model.metrics.addr;
    addr.at = addr.at.line > 0 ? addr.at : model.metrics.at;  // the default
    check(addr);
  }
}

// Whoever reaches the address could read them.
void check_metrics(const Metrics& metrics, Diagnostics& diagnostics) {
  if (metrics.user.value.empty() != metrics.password.empty()) {
    diagnostics.error(metrics.user.value.empty() ? metrics.at : metrics.user.at,
                      "`user` and `password` of [metrics] need each other");
  }
  const PushGateway& gateway = metrics.gateway;
  if (gateway.user.value.empty() != gateway.password.empty()) {
    diagnostics.error(gateway.user.value.empty() ? metrics.at : gateway.user.at,
                      "`push_user` and `push_password` of [metrics] need each other");
  }
  check_pair(metrics.tls.pair, diagnostics);
  const bool near = metrics.addr.value.starts_with("127.") ||
                    metrics.addr.value.starts_with("[::1]:") ||
                    metrics.addr.value.starts_with("unix:");
  if (metrics.on() && !near && !metrics.guarded()) {
    diagnostics.warning(metrics.addr.at, "the metrics can be read by everybody who reaches them",
                        {}, "set `user` and `password`, or `token`");
  }
}

}  // namespace

void check_model(const Model& model, Diagnostics& diagnostics) {
  check_upstreams(model, diagnostics);
  check_grpc_web(model, diagnostics);
  check_tls(model, diagnostics);
  check_locations(model, diagnostics);
  check_listeners(model, diagnostics);
  check_metrics(model.metrics, diagnostics);
  if (model.servers.empty()) {
    diagnostics.error({0, 1, 1}, "nothing to listen on", "at least one [servers.NAME]");
  }
  // What nothing uses may be meant by a name that is wrong: errors first.
  if (!diagnostics.has_errors()) {
    check_unused(model, diagnostics);
  }
}

}  // namespace pingap::config
