#include "config/lint.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace pingap::config {
namespace {

bool is_unconditional(const Location& location) {
  return location.methods.empty() && location.match_headers.empty() &&
         location.match_query.empty() && location.match_cookies.empty();
}

bool same_hosts(const Location& a, const Location& b) {
  return std::ranges::equal(a.hosts, b.hosts, {}, &Located<std::string>::value,
                            &Located<std::string>::value);
}

// Whether every path of `inner` is one of `outer`, as far as that can be told.
bool covers_path(const Location& outer, const Location& inner) {
  switch (outer.path_type) {
    case PathType::any:
      return true;
    case PathType::prefix:
      return (inner.path_type == PathType::prefix || inner.path_type == PathType::exact) &&
             inner.path.value.starts_with(outer.path.value) &&
             (outer.path.value.ends_with('/') ||
              inner.path.value.size() == outer.path.value.size() ||
              inner.path.value[outer.path.value.size()] == '/');
    case PathType::exact:
      return inner.path_type == PathType::exact && inner.path.value == outer.path.value;
    case PathType::regex:
      return inner.path_type == PathType::regex && inner.path.value == outer.path.value;
  }
  return false;
}

// Only a higher priority goes before what is more specific.
bool takes_all_of(const Location& outer, const Location& inner) {
  return outer.priority > inner.priority && is_unconditional(outer) &&
         (outer.hosts.empty() || same_hosts(outer, inner)) && covers_path(outer, inner);
}

void lint_routes(const Listener& server, const Model& model, Diagnostics& diagnostics) {
  std::vector<const Location*> before;  // that may take all of others
  for (const Located<std::string>& name : server.locations) {
    const Location* location = model.find_location(name.value);
    if (location != nullptr && location->priority != 0) {
      before.push_back(location);
    }
  }
  for (const Located<std::string>& name : server.locations) {
    const Location* inner = model.find_location(name.value);
    const auto outer = std::ranges::find_if(
        before, [&](const Location* one) { return takes_all_of(*one, *inner); });
    if (outer != before.end()) {
      diagnostics.warning(
          inner->at,
          fmt::format("[locations.{}] gets no request in [servers.{}]: [locations.{}] has a higher "
                      "priority and matches all of them",
                      inner->name, server.name, (*outer)->name),
          {}, "lower that priority, or give it a condition");
    }
  }
}

// OpenSSL's names of what is not safe any more.
void lint_ciphers(const Located<std::string>& ciphers, Diagnostics& diagnostics) {
  constexpr std::array<std::string_view, 8> kWeak = {"RC4", "DES", "NULL",  "EXP",
                                                     "MD5", "ADH", "AECDH", "SEED"};
  for (const std::string_view weak : kWeak) {
    const size_t at = ciphers.value.find(weak);
    const bool excluded = at != std::string::npos && at > 0 &&
                          (ciphers.value[at - 1] == '!' || ciphers.value[at - 1] == '-');
    if (at != std::string::npos && !excluded) {
      diagnostics.warning(ciphers.at, fmt::format("`{}` ciphers can be broken", weak), {},
                          "leave the list out: the default is safe");
    }
  }
}

bool is_everybody(const Located<std::string>& network) {
  return network.value == "0.0.0.0/0" || network.value == "::/0";
}

void lint_server(const Listener& server, Diagnostics& diagnostics) {
  lint_ciphers(server.tls.ciphers, diagnostics);
  for (const auto* list : {&server.trusted_proxies, &server.proxy_protocol_from}) {
    for (const Located<std::string>& network : *list) {
      if (is_everybody(network)) {
        diagnostics.warning(network.at,
                            "everybody is trusted: clients may say any address is theirs", {},
                            "name the networks of your own proxies");
      }
    }
  }
}

void lint_upstream(const Upstream& upstream, Diagnostics& diagnostics) {
  if (upstream.servers.size() > 1 && !upstream.health) {
    diagnostics.warning(
        upstream.at,
        fmt::format("[upstreams.{}] has several servers and no health check: one that fails is "
                    "found out by requests",
                    upstream.name),
        {}, "add health_check = \"http://HOST/PATH\"");
  }
}

}  // namespace

void lint(const Model& model, Diagnostics& diagnostics) {
  for (const Listener& server : model.servers) {
    lint_routes(server, model, diagnostics);
    lint_server(server, diagnostics);
  }
  for (const Upstream& upstream : model.upstreams) {
    lint_upstream(upstream, diagnostics);
  }
}

}  // namespace pingap::config
