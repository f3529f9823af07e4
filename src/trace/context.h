// Which trace a request belongs to, and how requests say so: W3C Trace Context
// (https://www.w3.org/TR/trace-context/) and B3 (https://github.com/openzipkin/b3-propagation).
// Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace pingap::trace {

struct TraceId {
  uint64_t high = 0;  // zero for ids of 64 bits
  uint64_t low = 0;

  bool valid() const noexcept { return (high | low) != 0; }

  bool operator==(const TraceId&) const = default;
};

// What whoever called us says of its trace.
struct Parent {
  enum class Sampled : uint8_t { no, yes, unsaid };  // unsaid: only B3 may leave it open

  TraceId trace;
  uint64_t span = 0;  // never zero
  Sampled sampled = Sampled::no;
};

inline constexpr size_t kTraceIdSize = 32;        // hex digits
inline constexpr size_t kSpanIdSize = 16;         // hex digits
inline constexpr size_t kTraceparentSize = 55;    // bytes of version 00
inline constexpr size_t kTraceparentSpanAt = 36;  // of the span in it
inline constexpr size_t kTraceparentAt = 13;      // of the value in its line of HTTP/1
inline constexpr size_t kTraceparentLine = kTraceparentAt + kTraceparentSize + 2;
inline constexpr size_t kB3Size = 51;  // bytes of what we write
inline constexpr size_t kB3SpanAt = 33;

// A `tracestate` that is longer is dropped as a whole; W3C Trace Context 3.3.1.5 asks for 512.
inline constexpr size_t kMaxTracestate = 512;
inline constexpr size_t kMaxTracestateMembers = 32;  // 3.3.1.1

// W3C Trace Context 3.2. Strict: small letters only, no id of zeros, no version ff; of a version
// above 00 what is known of it is read, and the rest must begin with a dash.
std::optional<Parent> parse_traceparent(std::string_view text) noexcept;

// The value of `b3`: "TRACE-SPAN", "TRACE-SPAN-SAMPLED", "TRACE-SPAN-SAMPLED-PARENT". A decision
// without ids ("0") is no parent.
std::optional<Parent> parse_b3(std::string_view text) noexcept;

// The values of X-B3-TraceId, X-B3-SpanId, X-B3-Sampled and X-B3-Flags.
std::optional<Parent> parse_b3_fields(std::string_view trace, std::string_view span,
                                      std::string_view sampled, std::string_view flags) noexcept;

// Whether list members of several `tracestate` fields go on as they are; `members` counts them.
bool tracestate_fits(std::string_view text, size_t& size, size_t& members) noexcept;

// 16 or 32 hex digits at `to`; their end.
char* put_span_id(uint64_t span, char* to) noexcept;
char* put_trace_id(const TraceId& trace, char* to) noexcept;
// "traceparent: ", its value and "\r\n", as in HTTP/1: kTraceparentLine bytes.
void put_traceparent_line(const TraceId& trace, uint64_t span, bool sampled, char* to) noexcept;
// kB3Size bytes.
char* put_b3(const TraceId& trace, uint64_t span, bool sampled, char* to) noexcept;

}  // namespace pingap::trace
