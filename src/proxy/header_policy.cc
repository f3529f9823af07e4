#include "proxy/header_policy.h"

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "http/limits.h"
#include "proxy/request_trace.h"

namespace pingap::proxy {
namespace {

using exchange::Exchange;
using http::Field;
using http::HeaderId;
using http::HeaderMap;

// ---- which fields go on ----

// The names that Connection lists, but for its own options (RFC 9110 7.6.1). Most messages name
// none: then there is no object.
class ConnectionOptions {
 public:
  static const ConnectionOptions* of(const HeaderMap& headers, bool any, Arena& arena) noexcept {
    return any ? arena.make<ConnectionOptions>(headers) : nullptr;
  }

  explicit ConnectionOptions(const HeaderMap& headers) noexcept {
    for (const Field& field : headers.fields()) {
      if (field.id == HeaderId::connection) {
        add(field.value());
      }
    }
  }

  bool names(const Field& field) const noexcept {
    for (size_t i = 0; i < count_; ++i) {
      if (iequals(names_[i], field.name())) {
        return (http::header_policy(field.id) & http::kConnSafe) == 0;
      }
    }
    return false;
  }

 private:
  void add(std::string_view list) noexcept {
    std::string_view item;
    while (count_ < names_.size() && next_list_item(list, item)) {
      if (!item.empty() && !iequals(item, "close") && !iequals(item, "keep-alive") &&
          !iequals(item, "upgrade")) {
        names_[count_++] = item;
      }
    }
  }

  std::array<std::string_view, http::limits::kConnectionTokens> names_;
  size_t count_ = 0;
};

bool edits(const std::vector<HeaderRule>& rules, const Field& field) noexcept {
  for (const HeaderRule& rule : rules) {
    if (rule.id == HeaderId::other ? field.id == HeaderId::other && iequals(rule.name, field.name())
                                   : rule.id == field.id) {
      return true;
    }
  }
  return false;
}

bool has_underscore(const Field& field) noexcept {
  return field.id == HeaderId::other && field.name().find('_') != std::string_view::npos;
}

// What a location, Connection or Via take away from a message's fields. Most messages meet none of
// these: then fields are not looked at one by one.
class Removal {
 public:
  Removal(const ConnectionOptions* listed, const Site& site, const std::vector<HeaderRule>& removed,
          const std::vector<HeaderRule>& replaced) noexcept
      : listed_(listed),
        removed_(removed),
        replaced_(replaced),
        via_(!site.via.empty()),
        any_(listed != nullptr || via_ || !removed.empty() || !replaced.empty()) {}

  bool takes(const Field& field) const noexcept {
    return any_ && ((listed_ != nullptr && listed_->names(field)) || edits(removed_, field) ||
                    edits(replaced_, field) || (via_ && field.id == HeaderId::via));
  }

 private:
  const ConnectionOptions* listed_;
  const std::vector<HeaderRule>& removed_;
  const std::vector<HeaderRule>& replaced_;
  bool via_;
  bool any_;
};

void add_rules(HeaderMap& headers, const std::vector<HeaderRule>& rules, bool to_upstream,
               Exchange& x) noexcept {
  for (const HeaderRule& rule : rules) {
    if (to_upstream && rule.id == HeaderId::host) {
      continue;  // goes into the head's authority
    }
    const std::string_view value = rule.value.render(x);
    if (rule.id == HeaderId::other) {
      headers.add(rule.name, value);
    } else {
      headers.add(rule.id, value);
    }
  }
}

// ---- the client's address ----

// "1.2.3.4", "1.2.3.4:80", "[::1]:80", "::1", quoted or not.
std::optional<IpAddress> parse_hop(std::string_view text) noexcept {
  text = trim(text);
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    return close == std::string_view::npos ? std::nullopt
                                           : IpAddress::parse(text.substr(1, close - 1));
  }
  if (const auto ip = IpAddress::parse(text)) {
    return ip;
  }
  return IpAddress::parse(text.substr(0, text.rfind(':')));
}

// Walks one field's value from the right. False when the client is found.
bool walk_hops(std::string_view list, const NetworkSet& trusted, size_t& hops,
               IpAddress& client) noexcept {
  while (hops++ < http::limits::kForwardedHops) {
    const size_t comma = list.rfind(',');
    const auto ip = parse_hop(comma == std::string_view::npos ? list : list.substr(comma + 1));
    if (!ip) {
      return false;
    }
    client = *ip;
    if (!trusted.contains(*ip)) {
      return false;
    }
    if (comma == std::string_view::npos) {
      return true;
    }
    list = list.substr(0, comma);
  }
  return false;
}

// The last hops of a chain: those further away nobody looks at.
std::string_view last_hops(std::string_view chain) noexcept {
  size_t hops = 0;
  for (size_t i = chain.size(); i-- > 0;) {
    if (chain[i] == ',' && ++hops == http::limits::kForwardedHops - 1) {
      return trim(chain.substr(i + 1));
    }
  }
  return chain;
}

// What a trusted proxy was asked by, which may have ended TLS. Two fields, a list or another word
// say nothing: whose they are is not known.
std::string_view client_scheme(const HeaderMap& headers, std::string_view own) noexcept {
  std::string_view scheme = own;
  size_t count = 0;
  for (const Field& field : headers.fields()) {
    if (field.id == HeaderId::x_forwarded_proto && !field.removed()) {
      const std::string_view said = field.value();
      scheme = iequals(said, "https") ? "https" : iequals(said, "http") ? "http" : own;
      ++count;
    }
  }
  return count == 1 ? scheme : own;
}

std::string_view forwarded_for(Exchange& x, bool trusted) noexcept {
  std::string_view chain;
  if (trusted) {
    for (const Field& field : x.request.headers.fields()) {
      if (field.id == HeaderId::x_forwarded_for && !field.value().empty()) {
        chain = chain.empty() ? field.value() : x.arena.concat(chain, ", ", field.value());
      }
    }
  }
  chain = last_hops(chain);
  if (x.peer_text.empty()) {
    return chain;
  }
  return chain.empty() ? x.peer_text : x.arena.concat(chain, ", ", x.peer_text);
}

void add_forwarded(Exchange& x, bool trusted, HeaderMap& out) noexcept {
  const HeaderMap& in = x.request.headers;
  const auto sent = [&](HeaderId id) { return trusted ? in.get(id) : std::string_view{}; };
  x.forwarded_for = forwarded_for(x, trusted);
  if (!x.forwarded_for.empty()) {
    out.add(HeaderId::x_forwarded_for, x.forwarded_for);
    out.add(HeaderId::x_real_ip, x.client_text);
  }
  if (!x.request.authority.empty()) {
    const std::string_view kept = sent(HeaderId::x_forwarded_host);
    out.add(HeaderId::x_forwarded_host, kept.empty() ? x.request.authority : kept);
  }
  for (const Field& line : x.asked_lines) {
    if (const std::string_view kept = sent(line.id); !kept.empty()) {
      out.add(line.id, kept);
    } else {
      out.add(line);
    }
  }
  if (trusted) {
    if (const Field* forwarded = in.find(HeaderId::forwarded)) {
      out.add(*forwarded);
    }
    if (const Field* prefix = in.find(HeaderId::x_forwarded_prefix)) {
      out.add(*prefix);
    }
  }
}

// The version is that of the message as we received it (RFC 9110 7.6.3).
std::string_view via_entry(http::Version received, const Site& site, Arena& arena) noexcept {
  const std::string_view version = received == http::Version::http2    ? "2"
                                   : received == http::Version::http10 ? "1.0"
                                                                       : "1.1";
  return arena.concat(version, " ", site.via);
}

void add_via(const HeaderMap& in, HeaderMap& out, std::string_view own, Arena& arena) noexcept {
  std::string_view chain;
  for (const Field& field : in.fields()) {
    if (field.id == HeaderId::via) {
      chain = chain.empty() ? field.value() : arena.concat(chain, ", ", field.value());
    }
  }
  out.add(HeaderId::via, chain.empty() ? own : arena.concat(chain, ", ", own));
}

bool is_ours(const HeaderMap& head, const Field& trailer) noexcept {
  return std::ranges::any_of(head.fields(), [&](const Field& field) {
    return (field.flags & Field::kOurs) != 0 && field.id == trailer.id &&
           iequals(field.name(), trailer.name());
  });
}

// Whoever reads the message may take a trailer for a field of the head (RFC 9110 6.5.1).
void filter_trailers(const Removal& removal, const HeaderMap& head, HeaderMap& trailers) noexcept {
  for (Field& field : trailers.fields()) {
    constexpr uint8_t kNever = http::kHopByHop | http::kForwarding | http::kNoTrailer;
    if ((http::header_policy(field.id) & kNever) != 0 || has_underscore(field) ||
        removal.takes(field) || is_ours(head, field)) {
      field.remove();
    }
  }
}

HeaderMap make_map(Arena& arena, size_t capacity) noexcept {
  return HeaderMap(std::span(arena.make_array<Field>(capacity), capacity));
}

// The client's fields that go on, but for those of its address.
Result<> copy_request_fields(Exchange& x, const Site& site, const Route& route) noexcept {
  const http::RequestHead& in = x.request;
  const bool traced = x.trace != nullptr;
  const bool b3 = traced && site.tracer->propagation.any_b3();
  const uint8_t never = http::kHopByHop | http::kForwarding | http::kFromHead |
                        (traced ? replaced_policy(x, site) : uint8_t{0});
  const Removal removal(ConnectionOptions::of(in.headers, in.connection_names_fields, x.arena),
                        site, route.request_remove, route.request_set);
  for (const Field& field : in.headers.fields()) {
    if ((http::header_policy(field.id) & never) != 0 || (b3 && is_b3_field(field))) {
      continue;
    }
    if ((field.flags & Field::kOurs) != 0) {
      if (!edits(route.request_remove, field) && !edits(route.request_set, field)) {
        x.upstream_request.headers.add(field);
      }
      continue;
    }
    if (site.underscores != config::Underscores::keep && has_underscore(field)) {
      if (site.underscores == config::Underscores::reject) {
        return tl::unexpected(
            Error{ErrorCode::bad_header, Side::downstream, Retry::never, 0, "underscore"});
      }
      continue;
    }
    if (!removal.takes(field)) {
      x.upstream_request.headers.add(field);
    }
  }
  return {};
}

// One hop less for OPTIONS (RFC 9110 7.6.2); that none is left, the forwarder has seen.
void count_hop(Exchange& x) noexcept {
  Field* hops = x.upstream_request.headers.find(HeaderId::max_forwards);
  const auto left = hops == nullptr ? std::nullopt : parse_decimal(hops->value());
  if (!left || *left == 0) {
    return;
  }
  char* room = x.arena.make_array<char>(20);
  hops->value_size = static_cast<uint32_t>(std::to_chars(room, room + 20, *left - 1).ptr - room);
  hops->value_data = room;
  hops->flags = 0;
}

// The location's edits; a configured field also replaces or removes one of ours.
void edit_request(Exchange& x, const Route& route) noexcept {
  HeaderMap& headers = x.upstream_request.headers;
  if (!route.request_set.empty() || !route.request_add.empty()) {
    for (Field& field : headers.fields()) {
      if (edits(route.request_set, field)) {
        field.remove();
      }
    }
    add_rules(headers, route.request_set, true, x);
    add_rules(headers, route.request_add, true, x);
    if (route.host_rule != nullptr) {
      x.upstream_request.authority = route.host_rule->value.render(x);
    }
  }
  for (Field& field : headers.fields()) {
    if (edits(route.request_remove, field)) {
      field.remove();
    }
  }
}

// More fields than these are never added beside the configured ones.
constexpr size_t kOwnFields = 12 + kTraceFields;

}  // namespace

void find_client(Exchange& x, const Site& site) noexcept {
  x.client_ip = x.peer_ip;
  x.client_text = x.peer_text;
  if (!site.trusted.lists(x.peer_ip)) {
    return;
  }
  x.scheme = client_scheme(x.request.headers, x.scheme);
  const auto fields = x.request.headers.fields();
  size_t hops = 0;
  for (size_t i = fields.size(); i-- > 0;) {
    if (fields[i].id == HeaderId::x_forwarded_for &&
        !walk_hops(fields[i].value(), site.trusted, hops, x.client_ip)) {
      break;
    }
  }
  if (x.client_ip != x.peer_ip) {
    x.client_text = x.client_ip.format(x.arena.make_array<char>(46));
  }
}

Result<> make_upstream_request(Exchange& x, const Site& site, const Route& route) noexcept {
  const http::RequestHead& in = x.request;
  http::RequestHead& out = x.upstream_request;
  out.method = in.method;
  out.method_text = in.method_text;
  out.version = http::Version::http11;
  out.expect_continue = in.expect_continue;
  out.asterisk = in.asterisk;
  out.authority = in.authority;
  out.headers = make_map(x.arena, in.headers.size() + kOwnFields + route.request_set.size() +
                                      route.request_add.size());
  if (auto copied = copy_request_fields(x, site, route); !copied) {
    return copied;
  }
  if (in.method == http::Method::options) {
    count_hop(x);
  }
  const bool trusted = site.trusted.lists(x.peer_ip);
  add_forwarded(x, trusted, out.headers);
  if (!site.via.empty()) {
    add_via(in.headers, out.headers, via_entry(in.version, site, x.arena), x.arena);
  }
  if (x.trace != nullptr) {
    add_trace_fields(x, site, out.headers);
  }
  edit_request(x, route);
  return {};
}

void make_client_response(Exchange& x, const Site& site, const Route& route,
                          http::ResponseHead& head) noexcept {
  http::ResponseHead& out = x.response;
  out.status = head.status;
  out.version = head.version;
  out.framing = head.framing;
  out.content_length = head.content_length;
  out.has_content_length = head.has_content_length;
  out.websocket = head.websocket;
  out.reason = head.reason;
  out.storage = head.storage;
  out.keep_alive = true;
  out.headers = make_map(x.arena, head.headers.size() + kOwnFields + route.response_set.size() +
                                      route.response_add.size());
  const Removal removal(ConnectionOptions::of(head.headers, head.connection_names_fields, x.arena),
                        site, route.response_remove, route.response_set);
  constexpr uint8_t kNever = http::kHopByHop | http::kFromHead;
  Field* to = out.headers.room().data();
  for (const Field& field : head.headers.fields()) {
    // 426 has to say what to upgrade to (RFC 9110 15.5.22).
    const bool goes_on = (http::header_policy(field.id) & kNever) == 0 ||
                         (head.status == 426 && field.id == HeaderId::upgrade);
    if (goes_on && !removal.takes(field)) {
      *to++ = field;
    }
  }
  out.headers.filled(static_cast<size_t>(to - out.headers.room().data()));
  if (!site.via.empty()) {
    add_via(head.headers, out.headers, via_entry(head.version, site, x.arena), x.arena);
  }
  add_rules(out.headers, route.response_set, false, x);
  add_rules(out.headers, route.response_add, false, x);
}

void add_response_edits(Exchange& x, const Route& route) noexcept {
  HeaderMap& headers = x.response.headers;
  for (Field& field : headers.fields()) {
    if (edits(route.response_set, field)) {
      field.remove();
    }
  }
  headers =
      HeaderMap::copy(headers, x.arena, route.response_set.size() + route.response_add.size());
  add_rules(headers, route.response_set, false, x);
  add_rules(headers, route.response_add, false, x);
}

void filter_interim(const Site& site, const Route& route, HeaderMap& fields) noexcept {
  const Removal removal(nullptr, site, route.response_remove, route.response_set);
  for (Field& field : fields.fields()) {
    constexpr uint8_t kNever = http::kHopByHop | http::kFromHead;
    if ((http::header_policy(field.id) & kNever) != 0 || removal.takes(field)) {
      field.remove();
    }
  }
}

void filter_request_trailers(const Exchange& x, const Site& site, const Route& route,
                             HeaderMap& trailers) noexcept {
  filter_trailers(Removal(nullptr, site, route.request_remove, route.request_set),
                  x.upstream_request.headers, trailers);
}

void filter_response_trailers(const Exchange& x, const Site& site, const Route& route,
                              HeaderMap& trailers) noexcept {
  filter_trailers(Removal(nullptr, site, route.response_remove, route.response_set),
                  x.response.headers, trailers);
}

}  // namespace pingap::proxy
