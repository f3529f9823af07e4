// The table of known header names, and a perfect hash over it that is searched at compile time.
// Any thread: all of it is constant.
#include "http/header_id.h"

#include <algorithm>
#include <type_traits>

#include "http/header_lookup.h"

namespace pingap::http {
namespace {

struct Known {
  HeaderId id;
  std::string_view name;
  uint8_t policy;
};

// In the order of HeaderId, `other` left out.
constexpr Known kKnown[] = {
    {HeaderId::accept, "Accept", 0},
    {HeaderId::accept_encoding, "Accept-Encoding", 0},
    {HeaderId::accept_language, "Accept-Language", 0},
    {HeaderId::accept_ranges, "Accept-Ranges", 0},
    {HeaderId::access_control_allow_origin, "Access-Control-Allow-Origin", 0},
    {HeaderId::age, "Age", kNoTrailer | kSingleton},
    {HeaderId::allow, "Allow", 0},
    {HeaderId::authorization, "Authorization", kConnSafe | kNoTrailer | kSingleton},
    {HeaderId::cache_control, "Cache-Control", kNoTrailer},
    {HeaderId::connection, "Connection", kHopByHop | kNoTrailer},
    {HeaderId::content_disposition, "Content-Disposition", kNoTrailer},
    {HeaderId::content_encoding, "Content-Encoding", kNoTrailer},
    {HeaderId::content_language, "Content-Language", kNoTrailer},
    {HeaderId::content_length, "Content-Length", kConnSafe | kNoTrailer | kSingleton},
    {HeaderId::content_location, "Content-Location", kNoTrailer | kSingleton},
    {HeaderId::content_range, "Content-Range", kNoTrailer | kSingleton},
    {HeaderId::content_security_policy, "Content-Security-Policy", kNoTrailer},
    {HeaderId::content_type, "Content-Type", kConnSafe | kNoTrailer | kSingleton},
    {HeaderId::cookie, "Cookie", kConnSafe | kNoTrailer},
    {HeaderId::date, "Date", kNoTrailer | kSingleton},
    {HeaderId::etag, "ETag", kSingleton},
    {HeaderId::expect, "Expect", kNoTrailer | kSingleton},
    {HeaderId::expires, "Expires", kNoTrailer | kSingleton},
    {HeaderId::forwarded, "Forwarded", kForwarding | kConnSafe | kNoTrailer},
    {HeaderId::host, "Host", kConnSafe | kNoTrailer | kSingleton},
    {HeaderId::http2_settings, "HTTP2-Settings", kHopByHop | kNoTrailer | kSingleton},
    {HeaderId::if_match, "If-Match", kNoTrailer},
    {HeaderId::if_modified_since, "If-Modified-Since", kNoTrailer | kSingleton},
    {HeaderId::if_none_match, "If-None-Match", kNoTrailer},
    {HeaderId::if_range, "If-Range", kNoTrailer | kSingleton},
    {HeaderId::if_unmodified_since, "If-Unmodified-Since", kNoTrailer | kSingleton},
    {HeaderId::keep_alive, "Keep-Alive", kHopByHop | kNoTrailer},
    {HeaderId::last_modified, "Last-Modified", kSingleton},
    {HeaderId::link, "Link", 0},
    {HeaderId::location, "Location", kNoTrailer | kSingleton},
    {HeaderId::max_forwards, "Max-Forwards", kNoTrailer | kSingleton},
    {HeaderId::origin, "Origin", 0},
    {HeaderId::pragma, "Pragma", kNoTrailer},
    {HeaderId::priority, "Priority", 0},
    {HeaderId::proxy, "Proxy", kHopByHop | kNoTrailer},
    {HeaderId::proxy_authenticate, "Proxy-Authenticate", kHopByHop | kNoTrailer},
    {HeaderId::proxy_authorization, "Proxy-Authorization", kHopByHop | kNoTrailer | kSingleton},
    {HeaderId::proxy_connection, "Proxy-Connection", kHopByHop | kNoTrailer},
    {HeaderId::range, "Range", kNoTrailer | kSingleton},
    {HeaderId::referer, "Referer", kSingleton},
    {HeaderId::retry_after, "Retry-After", kNoTrailer | kSingleton},
    {HeaderId::sec_websocket_accept, "Sec-WebSocket-Accept", kNoTrailer | kSingleton},
    {HeaderId::sec_websocket_extensions, "Sec-WebSocket-Extensions", kNoTrailer},
    {HeaderId::sec_websocket_key, "Sec-WebSocket-Key", kNoTrailer | kSingleton},
    {HeaderId::sec_websocket_protocol, "Sec-WebSocket-Protocol", kNoTrailer},
    {HeaderId::sec_websocket_version, "Sec-WebSocket-Version", kNoTrailer},
    {HeaderId::server, "Server", kSingleton},
    {HeaderId::set_cookie, "Set-Cookie", kNoTrailer},
    {HeaderId::strict_transport_security, "Strict-Transport-Security", kNoTrailer | kSingleton},
    {HeaderId::te, "TE", kHopByHop | kNoTrailer},
    {HeaderId::trailer, "Trailer", kHopByHop | kNoTrailer},
    {HeaderId::transfer_encoding, "Transfer-Encoding",
     kHopByHop | kConnSafe | kNoTrailer | kSingleton},
    {HeaderId::upgrade, "Upgrade", kHopByHop | kNoTrailer},
    {HeaderId::user_agent, "User-Agent", kSingleton},
    {HeaderId::vary, "Vary", kNoTrailer},
    {HeaderId::via, "Via", kNoTrailer},
    {HeaderId::www_authenticate, "WWW-Authenticate", kNoTrailer},
    {HeaderId::x_forwarded_for, "X-Forwarded-For", kForwarding | kConnSafe | kNoTrailer},
    {HeaderId::x_forwarded_host, "X-Forwarded-Host", kForwarding | kConnSafe | kNoTrailer},
    {HeaderId::x_forwarded_port, "X-Forwarded-Port", kForwarding | kConnSafe | kNoTrailer},
    {HeaderId::x_forwarded_prefix, "X-Forwarded-Prefix", kForwarding | kConnSafe | kNoTrailer},
    {HeaderId::x_forwarded_proto, "X-Forwarded-Proto", kForwarding | kConnSafe | kNoTrailer},
    {HeaderId::x_real_ip, "X-Real-IP", kForwarding | kConnSafe | kNoTrailer | kSingleton},
    {HeaderId::x_request_id, "X-Request-ID", kConnSafe | kNoTrailer | kSingleton},
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
  const NameHead head = head_of(name);
  const HeaderId id =
      kHeaderTables.find_slot(head.low | HeaderTables::kLower, head.high | HeaderTables::kLower);
  const HeaderTables::Entry& entry = kHeaderTables.entry(id);
  const uint64_t differs =
      ((head.low ^ entry.text[0]) & entry.care[0]) | ((head.high ^ entry.text[1]) & entry.care[1]);
  if (entry.size != name.size() || differs != 0 ||
      (name.size() > 16 && header_tail_differs(entry, name.data()))) {
    return HeaderId::other;
  }
  return id;
}

std::string_view header_name(HeaderId id) noexcept {
  return id == HeaderId::other ? std::string_view{} : kKnown[static_cast<size_t>(id) - 1].name;
}

uint8_t header_policy(HeaderId id) noexcept {
  return kPolicies[static_cast<size_t>(id)];
}

}  // namespace pingap::http
