// A request whose spans are to be sent, as flat bytes: what a worker writes and the exporter reads.
//
//   RecordHead | TryRecord... | EventRecord... | texts of the head | texts of tries and events
//
// Any thread; a record is one thread's at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "trace/request_trace.h"

namespace pingap::trace {

enum class Text : uint8_t {
  method,
  route,   // http.route; empty = none took it
  target,  // path and query from the client, without secrets
  scheme,
  host,    // that was asked for, without port
  client,  // address of the client
  peer,    // address of the socket's peer
  user_agent,
  server,    // [servers.NAME]
  location,  // [locations.NAME]
  upstream,  // [upstreams.NAME]
  plugin,    // [plugins.NAME] that answered
  request_id,
  to_scheme,  // of the requests to backends
  to_target,  // path and query to the backend, without secrets; empty = those from the client
  count_,
};

// The proxy or its backends have failed, and not only the client (semantic conventions, "Status").
constexpr bool is_failure(uint16_t status, ErrorCode reason, Side side) noexcept {
  return status >= 500 || (status < 400 && reason != ErrorCode::none && side != Side::downstream);
}

inline constexpr size_t kTexts = static_cast<size_t>(Text::count_);
// Of one text; longer ones are cut: the attribute is still good for people.
inline constexpr size_t kMaxText = 1024;

struct RecordHead {
  uint32_t size = 0;  // of the record, a multiple of 8
  uint8_t tries = 0;
  uint8_t events = 0;
  ErrorCode reason = ErrorCode::none;
  Side reason_side = Side::local;
  TraceId trace;
  uint64_t span = 0;
  uint64_t parent = 0;
  int64_t started = 0;  // ns since 1970
  int64_t took = 0;     // ns
  uint64_t request_bytes = 0;
  uint64_t response_bytes = 0;
  uint16_t status = 0;
  uint16_t attempts = 0;
  uint16_t port = 0;  // that was asked for; 0 = unknown
  uint16_t peer_port = 0;
  uint16_t dropped_events = 0;
  uint8_t version = 0;  // http::Version
  bool known_method = true;
  bool sampled = true;
  bool grpc = false;
  std::array<uint16_t, kTexts> sizes{};
};

// Times in ns since `started`; negative = it has not come.
struct TryRecord {
  uint64_t span = 0;
  int64_t start = 0;
  int64_t sent = 0;
  int64_t first_byte = 0;
  int64_t end = 0;
  uint16_t status = 0;
  uint16_t endpoint_size = 0;
  ErrorCode why = ErrorCode::none;
  bool reused = false;
  uint16_t unused = 0;
};

struct EventRecord {
  int64_t at = 0;
  uint16_t name_size = 0;
  uint16_t plugin_size = 0;
  uint32_t unused = 0;
};

using Texts = std::array<std::string_view, kTexts>;

inline void set_text(Texts& texts, Text which, std::string_view text) noexcept {
  texts[static_cast<size_t>(which)] = text.substr(0, kMaxText);
}

// Bytes that write_record() needs.
size_t record_size(const Texts& texts, const RequestTrace& trace) noexcept;

// `started`: the time that those of `trace` are counted from. `head` has all but sizes, tries and
// events.
void write_record(RecordHead head, const Texts& texts, const RequestTrace& trace, TimePoint started,
                  char* to) noexcept;

// A record read again; views into its bytes.
class RecordReader {
 public:
  explicit RecordReader(const char* bytes) noexcept;

  const RecordHead& head() const noexcept { return head_; }

  std::string_view text(Text which) const noexcept { return texts_[static_cast<size_t>(which)]; }

  struct TryView {
    TryRecord record;
    std::string_view endpoint;
  };

  struct EventView {
    int64_t at = 0;
    std::string_view name;
    std::string_view plugin;
  };

  // One after the other, tries first; as many as the head says.
  TryView next_try() noexcept;
  EventView next_event() noexcept;

 private:
  std::string_view take(size_t size) noexcept;

  RecordHead head_;
  Texts texts_;
  const char* tries_;
  const char* events_;
  const char* rest_;  // texts of tries and events
};

}  // namespace pingap::trace
