#include "trace/context.h"

#include <algorithm>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace pingap::trace {
namespace {

// All of `text` as hex digits, at most 16 of them; W3C Trace Context 3.2.2 has small ones only.
std::optional<uint64_t> read_hex(std::string_view text) noexcept {
  uint64_t value = 0;
  for (const char c : text) {
    if (c >= '0' && c <= '9') {
      value = value << 4 | static_cast<uint64_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      value = value << 4 | static_cast<uint64_t>(c - 'a' + 10);
    } else {
      return std::nullopt;
    }
  }
  return value;
}

std::optional<TraceId> read_trace_id(std::string_view text) noexcept {
  std::string_view low = text;
  TraceId id;
  if (text.size() == kTraceIdSize) {
    const auto high = read_hex(text.substr(0, kSpanIdSize));
    if (!high) {
      return std::nullopt;
    }
    id.high = *high;
    low = text.substr(kSpanIdSize);
  } else if (text.size() != kSpanIdSize) {
    return std::nullopt;
  }
  const auto rest = read_hex(low);
  if (!rest) {
    return std::nullopt;
  }
  id.low = *rest;
  return id.valid() ? std::optional(id) : std::nullopt;
}

std::optional<uint64_t> read_span_id(std::string_view text) noexcept {
  const auto id = text.size() == kSpanIdSize ? read_hex(text) : std::nullopt;
  return id && *id != 0 ? id : std::nullopt;
}

std::optional<Parent> make_parent(std::string_view trace, std::string_view span,
                                  Parent::Sampled sampled) noexcept {
  const auto trace_id = read_trace_id(trace);
  const auto span_id = read_span_id(span);
  if (!trace_id || !span_id) {
    return std::nullopt;
  }
  return Parent{*trace_id, *span_id, sampled};
}

// "d" is the sampled one that was asked for (debug).
std::optional<Parent::Sampled> read_b3_sampled(std::string_view text) noexcept {
  if (text == "1" || text == "d" || text == "true") {
    return Parent::Sampled::yes;
  }
  if (text == "0" || text == "false") {
    return Parent::Sampled::no;
  }
  return text.empty() ? std::optional(Parent::Sampled::unsaid) : std::nullopt;
}

#if defined(__SSE2__)

// Sixteen digits at once, as every request has two ids written: each byte becomes two nibbles, and
// those above 9 a letter.
void put_hex(uint64_t number, char* to) noexcept {
  const __m128i bytes = _mm_cvtsi64_si128(static_cast<int64_t>(__builtin_bswap64(number)));
  const __m128i nibbles =
      _mm_and_si128(_mm_unpacklo_epi8(_mm_srli_epi16(bytes, 4), bytes), _mm_set1_epi8(0x0f));
  const __m128i letters =
      _mm_and_si128(_mm_cmpgt_epi8(nibbles, _mm_set1_epi8(9)), _mm_set1_epi8('a' - '0' - 10));
  const __m128i digits = _mm_add_epi8(_mm_add_epi8(nibbles, _mm_set1_epi8('0')), letters);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), digits);
}

#else

void put_hex(uint64_t number, char* to) noexcept {
  for (int shift = 60; shift >= 0; shift -= 4) {
    *to++ = "0123456789abcdef"[number >> shift & 0xf];
  }
}

#endif

}  // namespace

std::optional<Parent> parse_traceparent(std::string_view text) noexcept {
  // "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
  if (text.size() < kTraceparentSize || text[2] != '-' || text[35] != '-' || text[52] != '-') {
    return std::nullopt;
  }
  const auto version = read_hex(text.substr(0, 2));
  const auto flags = read_hex(text.substr(53, 2));
  if (!version || !flags || *version == 0xff) {
    return std::nullopt;
  }
  if (text.size() > kTraceparentSize && (*version == 0 || text[kTraceparentSize] != '-')) {
    return std::nullopt;  // 3.2.4: a later version may go on behind a dash
  }
  const auto sampled = (*flags & 1) != 0 ? Parent::Sampled::yes : Parent::Sampled::no;
  return make_parent(text.substr(3, kTraceIdSize), text.substr(kTraceparentSpanAt, kSpanIdSize),
                     sampled);
}

std::optional<Parent> parse_b3(std::string_view text) noexcept {
  const size_t first = text.find('-');
  if (first == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view trace = text.substr(0, first);
  std::string_view rest = text.substr(first + 1);
  const std::string_view span = rest.substr(0, kSpanIdSize);
  rest = rest.substr(span.size());
  if (rest.empty()) {
    return make_parent(trace, span, Parent::Sampled::unsaid);
  }
  if (rest.size() < 2 || rest[0] != '-') {
    return std::nullopt;
  }
  const auto sampled = read_b3_sampled(rest.substr(1, 1));
  rest = rest.substr(2);
  const bool ends = rest.empty() || (rest[0] == '-' && read_span_id(rest.substr(1)));
  return sampled && ends ? make_parent(trace, span, *sampled) : std::nullopt;
}

std::optional<Parent> parse_b3_fields(std::string_view trace, std::string_view span,
                                      std::string_view sampled, std::string_view flags) noexcept {
  const auto said = read_b3_sampled(flags == "1" ? std::string_view("d") : sampled);
  return said ? make_parent(trace, span, *said) : std::nullopt;
}

bool tracestate_fits(std::string_view text, size_t& size, size_t& members) noexcept {
  size += text.size() + (size > 0 ? 1 : 0);  // as one field, with a comma between
  members += 1 + static_cast<size_t>(std::ranges::count(text, ','));
  return size <= kMaxTracestate && members <= kMaxTracestateMembers;
}

char* put_span_id(uint64_t span, char* to) noexcept {
  put_hex(span, to);
  return to + kSpanIdSize;
}

char* put_trace_id(const TraceId& trace, char* to) noexcept {
  return put_span_id(trace.low, put_span_id(trace.high, to));
}

void put_traceparent_line(const TraceId& trace, uint64_t span, bool sampled, char* to) noexcept {
  to = put_trace_id(trace, to + std::string_view("traceparent: 00-").copy(to, 16));
  *to++ = '-';
  to = put_span_id(span, to);
  std::string_view(sampled ? "-01\r\n" : "-00\r\n").copy(to, 5);
}

char* put_b3(const TraceId& trace, uint64_t span, bool sampled, char* to) noexcept {
  to = put_trace_id(trace, to);
  *to++ = '-';
  to = put_span_id(span, to);
  *to++ = '-';
  *to++ = sampled ? '1' : '0';
  return to;
}

}  // namespace pingap::trace
