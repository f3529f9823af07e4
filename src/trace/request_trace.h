// What is remembered of one request for its spans while it is under way. In the arena of its
// exchange: worker, freed with it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "trace/context.h"

namespace pingap::trace {

// One try at a backend: a client span. A time that is zero has not come.
struct Try {
  uint64_t span = 0;
  TimePoint start{};
  TimePoint sent{};  // connected, and the request on its way
  TimePoint first_byte{};
  TimePoint end{};
  std::string_view endpoint;  // "host:port"; outlives the request or is in its arena
  uint16_t status = 0;
  ErrorCode why = ErrorCode::none;
  bool reused = false;  // the connection
  Try* next = nullptr;
};

// Something that happened to the request: an event of the server span.
struct Event {
  TimePoint at{};
  std::string_view name;    // static
  std::string_view plugin;  // as configured
  Event* next = nullptr;
};

struct RequestTrace {
  // More are counted and left out.
  static constexpr size_t kMaxTries = 8;
  static constexpr size_t kMaxEvents = 16;

  RequestTrace() noexcept {}  // NOLINT(modernize-use-equals-default): that would clear `line`

  TraceId trace;
  uint64_t span = 0;    // of the server
  uint64_t parent = 0;  // 0 = the trace begins here
  bool sampled = false;
  bool recording = false;    // sampled, or may become so by an error
  bool asks_client = false;  // what the client says of traces counts
  bool keeps_state = false;  // `tracestate` goes on: its trace does
  uint8_t tries = 0;         // in the list
  uint8_t events = 0;        // in the list
  uint16_t dropped_events = 0;
  Try* first_try = nullptr;
  Try* last_try = nullptr;
  Event* first_event = nullptr;
  Event* last_event = nullptr;
  // Where the head for the backend has the digits of the span that asks; null = it does not say.
  char* traceparent_span = nullptr;
  char* b3_span = nullptr;
  char* b3_multi_span = nullptr;
  std::array<char, kTraceparentLine> line;  // for the backend; set when its head is made

  void add(Try& one) noexcept {
    (last_try == nullptr ? first_try : last_try->next) = &one;
    last_try = &one;
    ++tries;
  }

  void add(Event& one) noexcept {
    (last_event == nullptr ? first_event : last_event->next) = &one;
    last_event = &one;
    ++events;
  }
};

}  // namespace pingap::trace
