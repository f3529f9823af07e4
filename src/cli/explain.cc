#include "cli/explain.h"

#include <array>
#include <cstdio>

#include <fmt/format.h>

#include "control/load.h"
#include "http/h1/parser.h"
#include "http/h1/serializer.h"
#include "http/status.h"
#include "net/address.h"
#include "proxy/asked_lines.h"
#include "proxy/routing.h"

namespace pingap::cli {
namespace {

std::string text_of(const ByteQueue& bytes) {
  std::array<iovec, 16> slots{};
  std::string text;
  for (const iovec& piece : bytes.gather(slots)) {
    text.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
  }
  return text;
}

void print_indented(std::string_view text) {
  while (!text.empty()) {
    const size_t end = text.find("\r\n");
    if (end != 0) {
      fmt::print("      {}\n", text.substr(0, end));
    }
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 2);
  }
}

// The request as a client would send it: the parser of the proxy says what it thinks of it.
std::string request_text(const Options& options) {
  std::string_view url = options.url;
  std::string_view host = "localhost";
  if (const size_t scheme = url.find("://"); scheme != std::string_view::npos) {
    url.remove_prefix(scheme + 3);
    const size_t slash = std::min(url.find_first_of("/?"), url.size());
    host = url.substr(0, slash);
    url.remove_prefix(slash);
  }
  std::string text = fmt::format("{} {}{} HTTP/1.1\r\n", options.method,
                                 url.starts_with('/') || url == "*" ? "" : "/", url);
  bool has_host = false;
  for (const HeaderArgument& header : options.headers) {
    has_host = has_host || http::find_header_id(header.name) == http::HeaderId::host;
    text += fmt::format("{}: {}\r\n", header.name, header.value);
  }
  if (!has_host) {
    text += fmt::format("Host: {}\r\n", host);
  }
  return text + "\r\n";
}

ExitCode refused(ErrorCode code) {
  fmt::print("  refused: {} {} ({})\n", http::status_for(code),
             http::reason_phrase(http::status_for(code)), to_string(code));
  return ExitCode::ok;
}

void explain_endpoints(const proxy::Route& route) {
  if (route.cluster == nullptr) {
    fmt::print("    no upstream: its plugins answer\n");
    return;
  }
  fmt::print("    upstream: {} of\n", route.cluster->name);
  for (const auto& one : route.cluster->servers->endpoints()) {
    const upstream::Endpoint& endpoint = *one;
    fmt::print("      {} weight {}{}\n", endpoint.name, endpoint.weight,
               endpoint.address ? "" : " (does not resolve)");
  }
}

void explain_plugins(const plugin::Chain& server, const plugin::Chain& location) {
  if (server.empty() && location.empty()) {
    fmt::print("    plugins: none\n");
  }
  for (const plugin::Chain* chain : {&server, &location}) {
    for (const plugin::Use& use : chain->uses()) {
      fmt::print("    plugin: {} ({}, {}{})\n", use.instance->source.name, use.instance->kind->type,
                 to_string(use.instance->kind->phase), use.conditional ? ", conditional" : "");
    }
  }
}

void explain_site(const proxy::Site& site, const http::RequestHead& head) {
  std::array<char, 4096> memory{};
  exchange::Exchange x{std::span<char>(memory)};
  x.request = head;
  x.peer_ip = *IpAddress::parse("127.0.0.1");
  x.peer_text = "127.0.0.1";
  x.server = site.name;
  if (const auto address = site.addrs.empty() ? std::nullopt : net::Address::parse(site.addrs[0])) {
    x.server_port = address->port();
  }
  const proxy::AskedLines asked(x.scheme, x.server_port);
  x.asked_lines = asked.fields();
  fmt::print("server {} ({})\n", site.name, fmt::join(site.addrs, ", "));
  if (auto canonical = proxy::canonicalize_request(x, site); !canonical) {
    refused(canonical.error().code);
    return;
  }
  fmt::print("  host {}, path {}\n", x.host.empty() ? "(none)" : x.host, x.uri.match_path);
  for (const route::Considered& location : site.router->explain(proxy::match_input(x))) {
    fmt::print("  {} {}: {}\n", location.matched ? "+" : "-", site.routes[location.location]->name,
               location.reason);
  }
  const auto route = proxy::find_route(x, site);
  if (!route) {
    refused(route.error().code);
    return;
  }
  fmt::print("  chosen: {}\n", (*route)->name);
  explain_plugins(site.plugins, (*route)->plugins);
  if (auto made = proxy::prepare_upstream_request(x, site, **route, (*route)->cluster); !made) {
    refused(made.error().code);
    return;
  }
  explain_endpoints(**route);
  ByteQueue bytes;
  http::h1::write_request(x.upstream_request, {.keep_alive = true}, bytes);
  fmt::print("    sent to the backend:\n");
  print_indented(text_of(bytes));
}

}  // namespace

ExitCode explain_route(const Options& options) {
  const auto loaded = control::load(options.config, control::Check::configuration);
  fmt::print(stderr, "{}", loaded ? loaded->warnings : loaded.error().report);
  if (!loaded) {
    return loaded.error().code;
  }
  const std::string text = request_text(options);
  std::array<http::Field, 128> fields;  // filled by the parser
  http::RequestHead head;
  head.headers = http::HeaderMap(fields);
  const auto parsed = http::h1::parse_request(text, http::h1::kRequestLimits, head);
  if (parsed.status != http::h1::ParseStatus::complete || parsed.consumed != text.size()) {
    fmt::print("no listener takes this request\n");
    return refused(parsed.status == http::h1::ParseStatus::failed ? parsed.error
                                                                  : ErrorCode::bad_header);
  }
  for (const auto& site : loaded->snapshot->sites) {
    explain_site(*site, head);
  }
  return ExitCode::ok;
}

}  // namespace pingap::cli
