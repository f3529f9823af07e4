// The table of known header names, and a perfect hash over it that is searched at compile time.
// Any thread: all of it is constant.
#include "http/header_id.h"

#include <algorithm>
#include <type_traits>

#include "base/strings.h"
#include "http/header_lookup.h"

namespace pingap::http {
namespace {

struct Known {
  std::string_view name;
  HeaderId id;
  uint8_t policy;
};

// In the order of HeaderId, `other` left out.
constexpr Known kKnown[] = {
    {"Accept", HeaderId::accept, 0},
    {"Accept-Encoding", HeaderId::accept_encoding, 0},
    {"Accept-Language", HeaderId::accept_language, 0},
    {"Accept-Ranges", HeaderId::accept_ranges, 0},
    {"Access-Control-Allow-Origin", HeaderId::access_control_allow_origin, 0},
    {"Age", HeaderId::age, kNoTrailer},
    {"Allow", HeaderId::allow, 0},
    {"Authorization", HeaderId::authorization, kConnSafe | kNoTrailer},
    {"baggage", HeaderId::baggage, kBaggage},
    {"Cache-Control", HeaderId::cache_control, kNoTrailer},
    {"Connection", HeaderId::connection, kHopByHop | kNoTrailer | kFromHead},
    {"Content-Disposition", HeaderId::content_disposition, kNoTrailer},
    {"Content-Encoding", HeaderId::content_encoding, kNoTrailer},
    {"Content-Language", HeaderId::content_language, kNoTrailer},
    {"Content-Length", HeaderId::content_length, kConnSafe | kNoTrailer | kFromHead},
    {"Content-Location", HeaderId::content_location, kNoTrailer},
    {"Content-Range", HeaderId::content_range, kNoTrailer},
    {"Content-Security-Policy", HeaderId::content_security_policy, kNoTrailer},
    {"Content-Type", HeaderId::content_type, kConnSafe | kNoTrailer},
    {"Cookie", HeaderId::cookie, kConnSafe | kNoTrailer},
    {"Date", HeaderId::date, kNoTrailer},
    {"ETag", HeaderId::etag, 0},
    {"Expect", HeaderId::expect, kNoTrailer},
    {"Expires", HeaderId::expires, kNoTrailer},
    {"Forwarded", HeaderId::forwarded, kForwarding | kConnSafe | kNoTrailer},
    {"Host", HeaderId::host, kConnSafe | kNoTrailer | kFromHead},
    {"HTTP2-Settings", HeaderId::http2_settings, kHopByHop | kNoTrailer},
    {"If-Match", HeaderId::if_match, kNoTrailer},
    {"If-Modified-Since", HeaderId::if_modified_since, kNoTrailer},
    {"If-None-Match", HeaderId::if_none_match, kNoTrailer},
    {"If-Range", HeaderId::if_range, kNoTrailer},
    {"If-Unmodified-Since", HeaderId::if_unmodified_since, kNoTrailer},
    {"Keep-Alive", HeaderId::keep_alive, kHopByHop | kNoTrailer},
    {"Last-Modified", HeaderId::last_modified, 0},
    {"Link", HeaderId::link, 0},
    {"Location", HeaderId::location, kNoTrailer},
    {"Max-Forwards", HeaderId::max_forwards, kNoTrailer},
    {"Origin", HeaderId::origin, 0},
    {"Pragma", HeaderId::pragma, kNoTrailer},
    {"Priority", HeaderId::priority, 0},
    {"Proxy", HeaderId::proxy, kHopByHop | kNoTrailer},
    {"Proxy-Authenticate", HeaderId::proxy_authenticate, kHopByHop | kNoTrailer},
    {"Proxy-Authorization", HeaderId::proxy_authorization, kHopByHop | kNoTrailer},
    {"Proxy-Connection", HeaderId::proxy_connection, kHopByHop | kNoTrailer},
    {"Range", HeaderId::range, kNoTrailer},
    {"Referer", HeaderId::referer, 0},
    {"Retry-After", HeaderId::retry_after, kNoTrailer},
    {"Sec-WebSocket-Accept", HeaderId::sec_websocket_accept, kNoTrailer},
    {"Sec-WebSocket-Extensions", HeaderId::sec_websocket_extensions, kNoTrailer},
    {"Sec-WebSocket-Key", HeaderId::sec_websocket_key, kNoTrailer},
    {"Sec-WebSocket-Protocol", HeaderId::sec_websocket_protocol, kNoTrailer},
    {"Sec-WebSocket-Version", HeaderId::sec_websocket_version, kNoTrailer},
    {"Server", HeaderId::server, 0},
    {"Set-Cookie", HeaderId::set_cookie, kNoTrailer},
    {"Strict-Transport-Security", HeaderId::strict_transport_security, kNoTrailer},
    {"TE", HeaderId::te, kHopByHop | kNoTrailer},
    {"traceparent", HeaderId::traceparent, kTrace},
    {"tracestate", HeaderId::tracestate, kTrace},
    {"Trailer", HeaderId::trailer, kHopByHop | kNoTrailer},
    {"Transfer-Encoding", HeaderId::transfer_encoding,
     kHopByHop | kConnSafe | kNoTrailer | kFromHead},
    {"Upgrade", HeaderId::upgrade, kHopByHop | kNoTrailer | kFromHead},
    {"User-Agent", HeaderId::user_agent, 0},
    {"Vary", HeaderId::vary, kNoTrailer},
    {"Via", HeaderId::via, kNoTrailer},
    {"WWW-Authenticate", HeaderId::www_authenticate, kNoTrailer},
    {"X-Forwarded-For", HeaderId::x_forwarded_for, kForwarding | kConnSafe | kNoTrailer},
    {"X-Forwarded-Host", HeaderId::x_forwarded_host, kForwarding | kConnSafe | kNoTrailer},
    {"X-Forwarded-Port", HeaderId::x_forwarded_port, kForwarding | kConnSafe | kNoTrailer},
    {"X-Forwarded-Prefix", HeaderId::x_forwarded_prefix, kForwarding | kConnSafe | kNoTrailer},
    {"X-Forwarded-Proto", HeaderId::x_forwarded_proto, kForwarding | kConnSafe | kNoTrailer},
    {"X-Real-IP", HeaderId::x_real_ip, kForwarding | kConnSafe | kNoTrailer},
    {"X-Request-ID", HeaderId::x_request_id, kConnSafe | kNoTrailer},
};
constexpr size_t kCount = std::size(kKnown);
static_assert(kCount + 1 == static_cast<size_t>(HeaderId::count_));

consteval bool in_order() {
  for (size_t i = 0; i < kCount; ++i) {
    if (static_cast<size_t>(kKnown[i].id) != i + 1) {
      return false;
    }
  }
  return true;
}

static_assert(in_order());

template <class T>
constexpr uint64_t load(const char* from) noexcept {
  if (std::is_constant_evaluated()) {
    uint64_t value = 0;
    for (size_t i = 0; i < sizeof(T); ++i) {
      value |= static_cast<uint64_t>(static_cast<unsigned char>(from[i])) << (8 * i);
    }
    return value;
  }
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

// Loads that overlap, shifted so that no byte counts twice.
constexpr NameHead head_of(std::string_view name) noexcept {
  const char* from = name.data();
  const size_t size = std::min(name.size(), size_t{16});
  if (size > 8) {
    return {load<uint64_t>(from), load<uint64_t>(from + size - 8) >> (8 * (16 - size))};
  }
  if (size == 8) {
    return {load<uint64_t>(from), 0};
  }
  if (size >= 4) {
    const uint64_t last = load<uint32_t>(from + size - 4) >> (8 * (8 - size));
    return {load<uint32_t>(from) | last << 32, 0};
  }
  if (size >= 2) {
    const uint64_t last = load<uint16_t>(from + size - 2) >> (8 * (4 - size));
    return {load<uint16_t>(from) | last << 16, 0};
  }
  return {size == 0 ? 0 : load<uint8_t>(from), 0};
}

constexpr size_t slot_of(std::string_view name, uint64_t multiplier) noexcept {
  const NameHead head = head_of(name);
  return HeaderTables::slot_of(head.low | HeaderTables::kLower, head.high | HeaderTables::kLower,
                               multiplier);
}

consteval bool is_perfect(uint64_t multiplier) {
  std::array<bool, size_t{1} << kSlotBits> taken{};
  for (const Known& known : kKnown) {
    bool& slot = taken[slot_of(known.name, multiplier)];
    if (slot) {
      return false;
    }
    slot = true;
  }
  return true;
}

consteval uint64_t find_multiplier() {
  uint64_t candidate = 0x9e3779b97f4a7c15;
  while (!is_perfect(candidate)) {
    candidate = candidate * 6364136223846793005 + 1442695040888963406;
    candidate |= 1;
  }
  return candidate;
}

// All bits but 0x20 of letters.
constexpr uint64_t care_of(uint64_t text) noexcept {
  uint64_t care = ~uint64_t{0};
  for (unsigned i = 0; i < 64; i += 8) {
    const auto byte = static_cast<char>(((text >> i) & 0xff) | 0x20);
    if (byte >= 'a' && byte <= 'z') {
      care &= ~(uint64_t{0x20} << i);
    }
  }
  return care;
}

constexpr HeaderTables::Entry make_entry(std::string_view name) noexcept {
  HeaderTables::Entry entry{};
  const NameHead head = head_of(name);
  entry.text = {head.low, head.high};
  entry.size = name.size();
  if (name.size() > 16) {
    entry.tail[1] = load<uint64_t>(name.data() + name.size() - 8);
    entry.tail[0] = name.size() > 24 ? load<uint64_t>(name.data() + 16) : entry.tail[1];
  }
  for (size_t i = 0; i < 2; ++i) {
    entry.care[i] = care_of(entry.text[i]);
    entry.tail_care[i] = care_of(entry.tail[i]);
  }
  return entry;
}

consteval HeaderTables make_tables() {
  HeaderTables tables{};
  tables.multiplier = find_multiplier();
  tables.entries[0].size = SIZE_MAX;  // `other` equals no name
  for (const Known& known : kKnown) {
    tables.slots[slot_of(known.name, tables.multiplier)] = known.id;
    tables.entries[static_cast<size_t>(known.id)] = make_entry(known.name);
  }
  return tables;
}

consteval bool sizes_fit() {
  return std::ranges::all_of(kKnown, [](const Known& known) { return known.name.size() <= 32; });
}

static_assert(sizes_fit(), "head and tail must cover the name");

constexpr auto kLowerNames = [] {
  std::array<std::array<char, 32>, kCount + 1> names{};
  for (const Known& known : kKnown) {
    std::ranges::transform(known.name, names[static_cast<size_t>(known.id)].begin(), to_lower);
  }
  return names;
}();

constexpr auto kPolicies = [] {
  std::array<uint8_t, kCount + 1> policies{};
  for (const Known& known : kKnown) {
    policies[static_cast<size_t>(known.id)] = known.policy;
  }
  return policies;
}();

}  // namespace

constinit const HeaderTables kHeaderTables = make_tables();

bool header_tail_differs(const HeaderTables::Entry& entry, const char* name) noexcept {
  const uint64_t last = load<uint64_t>(name + entry.size - 8);
  const uint64_t middle = entry.size > 24 ? load<uint64_t>(name + 16) : last;
  return (((middle ^ entry.tail[0]) & entry.tail_care[0]) |
          ((last ^ entry.tail[1]) & entry.tail_care[1])) != 0;
}

HeaderId find_header_id(std::string_view name) noexcept {
  const char* text = name.data();
  const NameHead head = head_of(name);
  const HeaderId id =
      kHeaderTables.find_slot(head.low | HeaderTables::kLower, head.high | HeaderTables::kLower);
  const HeaderTables::Entry& entry = kHeaderTables.entry(id);
  const uint64_t differs =
      ((head.low ^ entry.text[0]) & entry.care[0]) | ((head.high ^ entry.text[1]) & entry.care[1]);
  if (entry.size != name.size() || differs != 0 ||
      (name.size() > 16 && header_tail_differs(entry, text))) {
    return HeaderId::other;
  }
  return id;
}

std::string_view header_name(HeaderId id) noexcept {
  return id == HeaderId::other ? std::string_view{} : kKnown[static_cast<size_t>(id) - 1].name;
}

std::string_view lower_header_name(HeaderId id) noexcept {
  return {kLowerNames[static_cast<size_t>(id)].data(), header_name(id).size()};
}

uint8_t header_policy(HeaderId id) noexcept {
  return kPolicies.data()[static_cast<size_t>(id)];  // cannot be out of range
}

}  // namespace pingap::http
