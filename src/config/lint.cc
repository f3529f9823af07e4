#include "config/lint.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_set>
#include <vector>

#include <fmt/format.h>

namespace pingap::config {
namespace {

size_t conditions(const Location& location) {
  return (location.methods.empty() ? 0U : 1U) + location.match_headers.size() +
         location.match_query.size() + location.match_cookies.size();
}

bool same_hosts(const Location& a, const Location& b) {
  return std::ranges::equal(a.hosts, b.hosts, {}, &Located<std::string>::value,
                            &Located<std::string>::value);
}

// Whether every host of `inner` is one of `outer`, as far as that can be told.
bool covers_hosts(const Location& outer, const Location& inner) {
  const auto listed = [&](const Located<std::string>& host) {
    return std::ranges::find(outer.hosts, host.value, &Located<std::string>::value) !=
           outer.hosts.end();
  };
  return outer.hosts.empty() || (!inner.hosts.empty() && std::ranges::all_of(inner.hosts, listed));
}

bool covers(const std::vector<FieldMatch>& outer, const std::vector<FieldMatch>& inner) {
  return std::ranges::all_of(outer, [&](const FieldMatch& wanted) {
    return std::ranges::any_of(inner, [&](const FieldMatch& one) {
      return one.name == wanted.name && (!wanted.value || one.value == wanted.value);
    });
  });
}

// Whether the conditions of `outer` hold wherever those of `inner` do.
bool covers_conditions(const Location& outer, const Location& inner) {
  const auto listed = [&](const std::string& method) {
    return std::ranges::find(outer.methods, method) != outer.methods.end();
  };
  const bool methods = outer.methods.empty() ||
                       (!inner.methods.empty() && std::ranges::all_of(inner.methods, listed));
  return methods && covers(outer.match_headers, inner.match_headers) &&
         covers(outer.match_query, inner.match_query) &&
         covers(outer.match_cookies, inner.match_cookies);
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

// `outer` stands before `inner` in the server's list. What is more specific goes before what is
// less, unless that has a higher priority; of two that match the same the list decides.
bool goes_before(const Location& outer, const Location& inner) {
  return outer.priority == inner.priority && outer.path_type == inner.path_type &&
         outer.path.value == inner.path.value && same_hosts(outer, inner) &&
         conditions(outer) == conditions(inner);
}

bool takes_all_of(const Location& outer, const Location& inner) {
  return covers_path(outer, inner) && covers_hosts(outer, inner) && covers_conditions(outer, inner);
}

void lint_routes(const Listener& server, const Model& model, Diagnostics& diagnostics) {
  std::vector<const Location*> all;
  all.reserve(server.locations.size());
  for (const Located<std::string>& name : server.locations) {
    all.push_back(model.find_location(name.value));
  }
  for (const Location*& inner : all) {
    const auto hides = [&](const Location*& one) {
      const bool first =
          one->priority > inner->priority || (&one < &inner && goes_before(*one, *inner));
      return first && takes_all_of(*one, *inner);
    };
    const auto outer = std::ranges::find_if(all, hides);
    if (outer == all.end()) {
      continue;
    }
    const bool higher = (*outer)->priority > inner->priority;
    diagnostics.warning(
        inner->at,
        fmt::format("[locations.{}] gets no request in [servers.{}]: [locations.{}] {} and matches "
                    "all of them",
                    inner->name, server.name, (*outer)->name,
                    higher ? "has a higher priority" : "is listed before it"),
        {}, higher ? "lower that priority, or give it a condition" : "take one of them away");
  }
}

// OpenSSL's name of a suite of TLS 1.2, such as "AES128-SHA"; key words have no hyphen.
bool is_suite(std::string_view word) {
  return word.find('-') != std::string_view::npos;
}

bool has(std::string_view word, std::string_view part) {
  return word.find(part) != std::string_view::npos;
}

// Why a word of OpenSSL's cipher list lets in what is not safe any more; empty: it does not.
std::string_view what_is_weak(std::string_view word) {
  constexpr std::array<std::string_view, 8> kBroken = {"RC4", "DES", "NULL",  "EXP",
                                                       "MD5", "ADH", "AECDH", "SEED"};
  if (std::ranges::any_of(kBroken, [&](std::string_view weak) { return has(word, weak); })) {
    return "can be broken";
  }
  if (word == "kRSA" || word == "RSA" ||
      (is_suite(word) && !word.starts_with("ECDHE-") && !word.starts_with("DHE-"))) {
    return "has no forward secrecy: who gets the key later can read what was sent before";
  }
  if (is_suite(word) && !has(word, "GCM") && !has(word, "CCM") && !has(word, "CHACHA20")) {
    return "is without authenticated encryption (CBC)";
  }
  return {};
}

void lint_ciphers(const Located<std::string>& ciphers, Diagnostics& diagnostics) {
  constexpr std::string_view kBetween = ":, ";
  constexpr std::string_view kNotLetIn = "!-+@";  // taken out, put last, other orders
  for (std::string_view rest = ciphers.value; !rest.empty();) {
    const size_t end = std::min(rest.find_first_of(kBetween), rest.size());
    const std::string_view word = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (word.empty() || kNotLetIn.find(word.front()) != std::string_view::npos) {
      continue;
    }
    if (const std::string_view why = what_is_weak(word); !why.empty()) {
      diagnostics.warning(ciphers.at, fmt::format("cipher `{}` {}", word, why), {},
                          "leave the list out: the default is safe");
    }
  }
}

void lint_plugins(const Model& model, Diagnostics& diagnostics) {
  std::unordered_set<std::string_view> used;
  const auto use = [&](const auto& entries) {
    for (const auto& entry : entries) {
      for (const PluginUse& one : entry.plugins) {
        used.insert(one.name.value);
      }
    }
  };
  use(model.servers);
  use(model.locations);
  for (const Plugin& plugin : model.plugins) {
    if (!used.contains(plugin.name)) {
      diagnostics.warning(plugin.at,
                          fmt::format("no server and no location uses [plugins.{}]", plugin.name),
                          {}, "name it in `plugins` of one, or take it away");
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
  lint_plugins(model, diagnostics);
}

}  // namespace pingap::config
