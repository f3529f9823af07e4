// Where the servers of an upstream come from: `addrs`, and the keys of what finds others.
#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/ip.h"
#include "base/strings.h"
#include "config/address.h"
#include "config/etcd_url.h"
#include "config/schema.h"
#include "config/suggest.h"
#include "config/syntax.h"

namespace pingap::config {
namespace {

constexpr uint16_t kDnsPort = 53;
constexpr size_t kMaxLabel = 512;
constexpr std::string_view kService = "srv+";

// In the order of DiscoveryKind.
constexpr std::array<std::string_view, 5> kKinds = {"dns", "static", "file", "docker", "etcd"};

// "addr weight" of the original: splits the weight off.
std::optional<uint32_t> take_weight(Located<std::string>& addr, Reader& reader) {
  const size_t space = addr.value.find_last_of(" \t");
  if (space == std::string::npos) {
    return std::nullopt;
  }
  const std::string text = addr.value.substr(space + 1);
  addr.value = std::string(trim(std::string_view(addr.value).substr(0, space)));
  const auto weight = parse_decimal(text);
  if (!weight || *weight > static_cast<uint64_t>(kWeights.max)) {
    reader.error(addr.at, {quote(text) + " is not a weight",
                           fmt::format("{} to {}", kWeights.min, kWeights.max),
                           {}});
    return 1;
  }
  return static_cast<uint32_t>(*weight);
}

struct Rank {
  uint32_t weight;
  uint32_t priority;
};

// "srv+NAME"
void add_service(const Located<std::string>& addr, bool weighted, uint32_t priority,
                 UpstreamDraft& draft, Reader& reader) {
  const std::string_view name = std::string_view(addr.value).substr(kService.size());
  if (!is_host_name(name)) {
    const bool port = name.find(':') != std::string_view::npos;
    reader.error(addr.at, {quote(addr.value) + " is not the name of a service",
                           R"("srv+_http._tcp.api.internal")",
                           port ? "leave out the port: it comes from the records" : ""});
    return;
  }
  if (weighted) {
    reader.error(addr.at, {"a weight for " + quote(addr.value), {}, "it comes from the records"});
    return;
  }
  if (draft.upstream.discovery.kind == DiscoveryKind::once) {
    reader.error(addr.at,
                 {quote(addr.value) + " with discovery = \"static\"",
                  {},
                  "records of services are looked up again and again: remove `discovery`"});
    return;
  }
  draft.upstream.discovery.sought.push_back(
      {Sought::By::service, {std::string(name), addr.at}, 0, 1, priority});
}

// "LABEL[:PORT]"; a label's value may have colons, a port is what has digits alone behind the last.
void add_label(const Located<std::string>& addr, Rank rank, UpstreamDraft& draft, Reader& reader) {
  std::string_view label = addr.value;
  uint64_t port = 0;
  const size_t colon = label.rfind(':');
  if (colon != std::string_view::npos) {
    if (const auto digits = parse_decimal(label.substr(colon + 1))) {
      port = *digits;
      label = label.substr(0, colon);
    }
  }
  if (label.empty() || label.size() > kMaxLabel || label.starts_with('=') || port > 65535) {
    reader.error(addr.at, {quote(addr.value) + " is not a label",
                           R"("KEY", "KEY=VALUE", each with ":PORT" or without)",
                           {}});
    return;
  }
  draft.upstream.discovery.sought.push_back({Sought::By::label,
                                             {std::string(label), addr.at},
                                             static_cast<uint16_t>(port),
                                             rank.weight,
                                             rank.priority});
}

void add_server(Located<std::string>& addr, const Endpoint& endpoint, Rank rank, Upstream& out) {
  addr.value = endpoint.to_string();
  if (endpoint.kind != HostKind::name || out.discovery.kind == DiscoveryKind::once) {
    out.servers.push_back({addr, rank.weight, rank.priority});
    return;
  }
  out.discovery.sought.push_back(
      {Sought::By::address, {endpoint.host, addr.at}, endpoint.port, rank.weight, rank.priority});
}

class Servers {
 public:
  Servers(UpstreamDraft& draft, Reader& reader) : draft_(draft), reader_(reader) {}

  void run() {
    for (size_t i = 0; i < draft_.addrs.size(); ++i) {
      add(draft_.addrs[i], {i < draft_.weights.size() ? draft_.weights[i] : 1,
                            i < draft_.priorities.size() ? draft_.priorities[i] : 0});
    }
    for (Located<std::string>& backup : draft_.backups) {
      add(backup, {1, 1});
    }
  }

 private:
  void add(Located<std::string>& addr, Rank rank) {
    const auto written = take_weight(addr, reader_);
    if (written && given(draft_.weights_at)) {
      reader_.error(addr.at, {"a weight here and in `weights`", {}, "keep `weights`"});
    }
    rank.weight = written.value_or(rank.weight);
    if (draft_.upstream.discovery.kind == DiscoveryKind::docker) {
      add_label(addr, rank, draft_, reader_);
    } else if (addr.value.starts_with(kService)) {
      add_service(addr, written || given(draft_.weights_at), rank.priority, draft_, reader_);
    } else {
      auto endpoint = parse_backend_address(addr.value, draft_.upstream.tls.on ? 443 : 80);
      if (!endpoint) {
        reader_.error(addr.at, std::move(endpoint.error()));
        return;
      }
      add_server(addr, *endpoint, rank, draft_.upstream);
    }
    if (!draft_.seen.insert(addr.value).second) {
      reader_.diagnostics().warning(addr.at, quote(addr.value) + " is in this upstream twice", {},
                                    "give it a weight instead");
    }
  }

  UpstreamDraft& draft_;
  Reader& reader_;
};

// A list beside `addrs`, of `one` or several `many`.
void check_count(size_t count, Position at, std::string_view one, std::string_view many,
                 const UpstreamDraft& draft, Reader& reader) {
  if (given(at) && count != draft.addrs_written) {
    reader.error(at, {fmt::format("{} {} for {} addresses", count, many, draft.addrs_written),
                      fmt::format("one {} per address, in the same order", one),
                      {}});
  }
}

// A key that would have no effect is a mistake somewhere.
void check_keys(const UpstreamDraft& draft, Reader& reader) {
  const Discovery& found = draft.upstream.discovery;
  if (found.kind == DiscoveryKind::file && !given(found.file.at)) {
    reader.error(draft.discovery_at, {"discovery = \"file\" needs `discovery_file`", {}, {}});
  }
  if (found.kind != DiscoveryKind::file && given(found.file.at)) {
    reader.error(found.file.at, {"`discovery_file` without discovery = \"file\"", {}, {}});
  }
  if (found.kind == DiscoveryKind::etcd && !given(found.etcd.at)) {
    reader.error(draft.discovery_at, {"discovery = \"etcd\" needs `discovery_etcd`", {}, {}});
  }
  if (found.kind != DiscoveryKind::etcd && given(found.etcd.at)) {
    reader.error(found.etcd.at, {"`discovery_etcd` without discovery = \"etcd\"", {}, {}});
  }
  if (found.kind != DiscoveryKind::docker && given(draft.docker_socket_at)) {
    reader.error(draft.docker_socket_at,
                 {"`docker_socket` without discovery = \"docker\"", {}, {}});
  }
  const bool names = std::ranges::any_of(
      found.sought, [](const Sought& one) { return one.by != Sought::By::label; });
  if (!names && given(draft.dns_at)) {
    reader.diagnostics().warning(draft.dns_at, "no name is looked up for this upstream", {},
                                 "remove the key: it has no effect");
  }
}

bool nothing_serves(const Upstream& out) {
  const auto rests = [](const auto& one) { return one.weight == 0; };
  return !is_listed(out.discovery.kind) && !(out.servers.empty() && out.discovery.sought.empty()) &&
         std::ranges::all_of(out.servers, rests) &&
         std::ranges::all_of(out.discovery.sought, rests);
}

}  // namespace

void read_discovery(Reader& reader, const Field& field, UpstreamDraft& out) {
  out.discovery_at = field.value.at;
  if (field.value.kind == ValueKind::string && field.value.text == "transparent") {
    reader.error(field.value.at,
                 {"discovery = \"transparent\" would let clients choose any server",
                  join_names(kKinds, kKinds.size()),
                  "list the servers that they may choose, each with a location for its host"});
    return;
  }
  if (const auto found = reader.choice(field, kKinds)) {
    out.upstream.discovery.kind = static_cast<DiscoveryKind>(*found);
  }
}

void read_discovery_etcd(Reader& reader, const Field& field, UpstreamDraft& out) {
  reader.diagnostics().hide(field.value.at);  // it may hold a password
  Located<std::string> url;
  if (!reader.text(field, url)) {
    return;
  }
  if (!is_etcd_url(url.value)) {
    reader.error(url.at, {"`discovery_etcd` is no URL of etcd", "etcd://HOST[:PORT],.../PATH", {}});
    return;
  }
  if (auto parsed = parse_etcd_url(url.value); !parsed) {
    reader.error(url.at, std::move(parsed.error()));
    return;
  }
  out.upstream.discovery.etcd = std::move(url);
}

void read_dns_servers(Reader& reader, const Field& field, UpstreamDraft& out) {
  out.dns_at = field.key_at;
  for (Located<std::string>& one : reader.list(field, Commas::yes)) {
    const auto ip = IpAddress::parse(one.value);
    const std::string text = ip && ip->size == 16 && one.value.find(':') != std::string::npos
                                 ? "[" + one.value + "]"
                                 : one.value;
    auto parsed = parse_backend_address(text, kDnsPort);
    if (!parsed || (parsed->kind != HostKind::ipv4 && parsed->kind != HostKind::ipv6)) {
      reader.error(one.at, {quote(one.value) + " is not the address of a DNS server",
                            R"("10.0.0.53", "10.0.0.53:5353" or "[fd00::53]:53")",
                            {}});
      continue;
    }
    one.value = parsed->to_string();
    out.upstream.discovery.dns_servers.push_back(std::move(one));
  }
}

void read_dns_search(Reader& reader, const Field& field, UpstreamDraft& out) {
  out.dns_at = field.key_at;
  for (Located<std::string>& one : reader.list(field, Commas::yes)) {
    if (!is_host_name(one.value)) {
      reader.error(one.at, {quote(one.value) + " is not a domain", {}, {}});
      continue;
    }
    out.upstream.discovery.dns_search.push_back(std::move(one));
  }
}

void read_discovery_allow(Reader& reader, const Field& field, UpstreamDraft& out) {
  for (Located<std::string>& one : reader.list(field, Commas::yes)) {
    if (!Network::parse(one.value)) {
      reader.error(one.at, {quote(one.value) + " is not an address or network",
                            R"("192.0.2.1", "10.0.0.0/8" or "2001:db8::/32")",
                            {}});
      continue;
    }
    out.upstream.discovery.allow.push_back(std::move(one));
  }
}

void read_docker_socket(Reader& reader, const Field& field, UpstreamDraft& out) {
  Located<std::string> path;
  if (!reader.text(field, path)) {
    return;
  }
  out.docker_socket_at = path.at;
  std::string text = path.value.starts_with("unix://") ? path.value.substr(7) : path.value;
  if (auto parsed = parse_endpoint("unix:" + text); !parsed) {
    reader.error(path.at, std::move(parsed.error()));
    return;
  }
  out.upstream.discovery.docker_socket = std::move(text);
}

void finish_servers(UpstreamDraft& draft, Reader& reader) {
  check_count(draft.weights.size(), draft.weights_at, "weight", "weights", draft, reader);
  check_count(draft.priorities.size(), draft.priorities_at, "priority", "priorities", draft,
              reader);
  Servers(draft, reader).run();
  check_keys(draft, reader);
  if (nothing_serves(draft.upstream)) {
    reader.error(given(draft.weights_at) ? draft.weights_at : draft.addrs.front().at,
                 {"every weight is 0: no address would get a request", {}, {}});
  }
}

}  // namespace pingap::config
