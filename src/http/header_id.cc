// The table of known header names, and a perfect hash over it that is searched at compile time.
// Any thread: all of it is constant.
#include "http/header_id.h"

#include <array>
#include <bit>
#include <cstring>
#include <type_traits>

namespace pingap::http {
namespace {

static_assert(std::endian::native == std::endian::little, "words are compared as loaded");

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

// The first and the last (up to) eight bytes of a name; together all of it up to 16 bytes.
struct Ends {
  uint64_t first;
  uint64_t last;
};

constexpr Ends ends_of(const char* name, size_t size) noexcept {
  if (size >= 8) {
    return {load<uint64_t>(name), load<uint64_t>(name + size - 8)};
  }
  if (size >= 4) {
    const uint64_t all = load<uint32_t>(name) | load<uint32_t>(name + size - 4) << 32;
    return {all, all};
  }
  if (size >= 2) {
    const uint64_t all = load<uint16_t>(name) | load<uint16_t>(name + size - 2) << 16;
    return {all, all};
  }
  return {0, 0};
}

constexpr uint64_t kLower = 0x2020202020202020;
constexpr unsigned kSlotBits = 9;

constexpr size_t slot_of(const Ends& ends, uint64_t multiplier) noexcept {
  const uint64_t mixed = (ends.first | kLower) + std::rotl(ends.last | kLower, 27);
  return static_cast<size_t>((mixed * multiplier) >> (64 - kSlotBits));
}

consteval bool is_perfect(uint64_t multiplier) {
  std::array<bool, size_t{1} << kSlotBits> taken{};
  for (const Known& known : kKnown) {
    bool& slot = taken[slot_of(ends_of(known.name.data(), known.name.size()), multiplier)];
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

constexpr uint64_t kMultiplier = find_multiplier();

consteval auto make_slots() {
  std::array<HeaderId, size_t{1} << kSlotBits> slots{};
  for (const Known& known : kKnown) {
    slots[slot_of(ends_of(known.name.data(), known.name.size()), kMultiplier)] = known.id;
  }
  return slots;
}

constexpr auto kSlots = make_slots();

// Eight bytes of a known name and the bits in which a sent name may differ: 0x20 at letters only,
// so that the comparison is exact for every byte value.
struct Word {
  uint64_t text = 0;
  uint64_t fold = 0;

  constexpr uint64_t differs(uint64_t sent) const noexcept { return (sent ^ text) & ~fold; }
};

constexpr Word make_word(uint64_t text) noexcept {
  Word word{text, 0};
  for (unsigned i = 0; i < 64; i += 8) {
    const auto byte = static_cast<char>(((text >> i) & 0xff) | 0x20);
    if (byte >= 'a' && byte <= 'z') {
      word.fold |= uint64_t{0x20} << i;
    }
  }
  return word;
}

struct Entry {
  Word first;
  Word last;
  size_t size = 0;
  Word middle[2];  // bytes 8..15 and 16..23 of names longer than 16 and 24
};

consteval auto make_entries() {
  std::array<Entry, kCount + 1> entries{};
  entries[0].size = SIZE_MAX;  // equals no name
  for (const Known& known : kKnown) {
    const char* name = known.name.data();
    const size_t size = known.name.size();
    Entry& entry = entries[static_cast<size_t>(known.id)];
    const Ends ends = ends_of(name, size);
    entry.first = make_word(ends.first);
    entry.last = make_word(ends.last);
    entry.size = size;
    for (size_t i = 0; i < 2 && size > 8 * (i + 2); ++i) {
      entry.middle[i] = make_word(load<uint64_t>(name + 8 * (i + 1)));
    }
  }
  return entries;
}

constexpr auto kEntries = make_entries();

consteval bool sizes_fit() {
  for (const Known& known : kKnown) {
    if (known.name.size() < 2 || known.name.size() > 32) {
      return false;
    }
  }
  return true;
}

static_assert(sizes_fit(), "ends and middle must cover the name");

constexpr auto kPolicies = [] {
  std::array<uint8_t, kCount + 1> policies{};
  for (const Known& known : kKnown) {
    policies[static_cast<size_t>(known.id)] = known.policy;
  }
  return policies;
}();

bool middle_differs(const Entry& entry, std::string_view name) noexcept {
  uint64_t difference = entry.middle[0].differs(load<uint64_t>(name.data() + 8));
  if (name.size() > 24) {
    difference |= entry.middle[1].differs(load<uint64_t>(name.data() + 16));
  }
  return difference != 0;
}

}  // namespace

HeaderId find_header_id(std::string_view name) noexcept {
  const Ends ends = ends_of(name.data(), name.size());
  const HeaderId id = kSlots[slot_of(ends, kMultiplier)];
  const Entry& entry = kEntries[static_cast<size_t>(id)];
  if (entry.size != name.size() ||
      (entry.first.differs(ends.first) | entry.last.differs(ends.last)) != 0) {
    return HeaderId::other;
  }
  if (name.size() > 16 && middle_differs(entry, name)) {
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
