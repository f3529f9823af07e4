#include "http/h1/authority.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>

#include "base/strings.h"
#include "http/h1/scan.h"

namespace pingap::http::h1 {
namespace {

enum class HostByte : uint8_t { bad, plain, dot };

// unreserved and sub-delims (RFC 3986 2.2, 2.3) but ',': proxies read "a,b" as two hosts.
constexpr auto kHostBytes = [] {
  std::array<HostByte, 256> table{};
  for (unsigned c = 0; c < 128; ++c) {
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
      table[c] = HostByte::plain;
    }
  }
  for (const char c : {'-', '_', '~', '!', '$', '&', '\'', '(', ')', '*', '+', ';', '='}) {
    table[static_cast<unsigned char>(c)] = HostByte::plain;
  }
  table['.'] = HostByte::dot;
  return table;
}();

// The length of a reg-name or IPv4 address at the start of `text`; 0 for a host that is empty or
// has an empty label (a last dot is fine).
size_t reg_name_size(std::string_view text) noexcept {
  size_t label = 0;
  size_t i = 0;
  for (; i < text.size(); ++i) {
    const HostByte kind = kHostBytes[static_cast<unsigned char>(text[i])];
    if (kind == HostByte::plain) [[likely]] {
      continue;
    }
    if (kind == HostByte::bad) {
      break;
    }
    if (i == label) {
      return 0;
    }
    label = i + 1;
  }
  return i;
}

// The length of "[" IPv6address "]" at the start of `text`, or 0.
size_t ip_literal_size(std::string_view text) noexcept {
  const size_t close = text.find(']');
  std::array<char, INET6_ADDRSTRLEN> address{};
  if (close == std::string_view::npos || close > address.size()) {
    return 0;
  }
  std::copy_n(text.data() + 1, close - 1, address.data());
  in6_addr ignored{};
  return ::inet_pton(AF_INET6, address.data(), &ignored) == 1 ? close + 1 : 0;
}

bool is_port(std::string_view text) noexcept {
  if (text.size() > 5) {
    return false;
  }
  const auto port = parse_decimal(text);
  return port.has_value() && *port <= 65535;
}

// Kept apart from the quick way, whose registers it would cost.
[[gnu::noinline]] bool split_with_care(std::string_view text, Authority& out) noexcept {
  if (text.empty()) {
    return false;
  }
  const size_t size = text.front() == '[' ? ip_literal_size(text) : reg_name_size(text);
  if (size == 0) {
    return false;
  }
  out.host = text.substr(0, size);
  if (size == text.size()) {
    out.port = {};
    return true;
  }
  out.port = text.substr(size + 1);
  return text[size] == ':' && is_port(out.port);
}

#if defined(__SSE2__)

// Sixteen letters, digits, '-' and '.', without a dot behind a dot.
bool is_plain_block(__m128i bytes) noexcept {
  const __m128i lower = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
  const __m128i letters = in_range(lower, 'a', 'z');
  const __m128i digits = in_range(bytes, '0', '9');
  const __m128i marks = in_range(bytes, '-', '.');
  const __m128i plain = _mm_or_si128(_mm_or_si128(letters, digits), marks);
  const int dots = _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('.')));
  return _mm_movemask_epi8(plain) == 0xffff && (dots & dots << 1) == 0;
}

// A name of such bytes, from eight up. Blocks overlap, so that pairs of dots are seen.
bool is_plain_name(std::string_view name) noexcept {
  const char* at = name.data();
  size_t left = name.size();
  if (left < 8 || *at == '.') {
    return false;
  }
  for (; left > 16; at += 15, left -= 15) {
    if (!is_plain_block(load16(at))) {
      return false;
    }
  }
  if (name.size() > 16) {
    return is_plain_block(load16(at + left - 16));
  }
  // Two halves; a pair of dots where they meet sends a good name the careful way, too.
  const __m128i low = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(at));
  const __m128i high = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(at + left - 8));
  return is_plain_block(_mm_unpacklo_epi64(low, high));
}

// The digits at the end of `text`, no more than four: then they are a port without looking.
size_t count_last_digits(std::string_view text) noexcept {
  size_t count = 0;
  while (count < 4 && count < text.size() && is_digit(text.data()[text.size() - count - 1])) {
    ++count;
  }
  return count;
}

#endif

}  // namespace

bool split_authority(std::string_view text, Authority& out) noexcept {
#if defined(__SSE2__)
  const size_t digits = count_last_digits(text);
  const bool has_port =
      digits > 0 && digits < text.size() && text.data()[text.size() - digits - 1] == ':';
  const std::string_view host(text.data(), has_port ? text.size() - digits - 1 : text.size());
  if (is_plain_name(host)) [[likely]] {
    out.host = host;
    out.port =
        has_port ? std::string_view(text.data() + host.size() + 1, digits) : std::string_view{};
    return true;
  }
#endif
  return split_with_care(text, out);
}

}  // namespace pingap::http::h1
