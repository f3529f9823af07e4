// One field line of a head or trailer section (RFC 9112 5): name ":" OWS value OWS CRLF.
// Pure. Inline, because it is most of the work of parsing a head: the parts take and return
// pointers, so that a loop over lines keeps everything in registers.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "http/h1/scan.h"
#include "http/header_lookup.h"
#include "http/header_map.h"

namespace pingap::http::h1 {

// Walks through a head. A step that does not get further sets `error`, or leaves it `none` when
// the bytes just ran out.
struct Cursor {
  const char* at;
  Window window;
  ErrorCode error = ErrorCode::none;

  size_t left() const noexcept { return static_cast<size_t>(window.end - at); }

  bool fail(ErrorCode why) noexcept {
    error = why;
    return false;
  }
};

inline constexpr size_t kMaxFieldName = std::numeric_limits<uint16_t>::max();

// Where the next part starts; null when it does not get further, as with Cursor.
struct Advance {
  const char* next;
  ErrorCode error = ErrorCode::none;
};

// CRLF as it is loaded.
inline constexpr uint16_t kLineEnd = '\r' | '\n' << 8;

// Takes CRLF at `stop`, which is the end of the line's text.
[[gnu::always_inline]] inline Advance take_line_end(const char* stop, const char* end,
                                                    ErrorCode why) noexcept {
  if (end - stop >= 2) [[likely]] {
    uint16_t bytes = 0;
    std::memcpy(&bytes, stop, sizeof(bytes));
    return bytes == kLineEnd ? Advance{stop + 2} : Advance{nullptr, why};
  }
  return {nullptr, stop == end || *stop == '\r' ? ErrorCode::none : why};
}

[[gnu::always_inline]] inline bool take_line_end(Cursor& cursor, ErrorCode why) noexcept {
  const Advance line = take_line_end(cursor.at, cursor.window.end, why);
  if (line.next == nullptr) [[unlikely]] {
    return cursor.fail(line.error);
  }
  cursor.at = line.next;
  return true;
}

constexpr bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t';
}

// The end of the line's text: the first control byte that is not HTAB.
[[gnu::always_inline]] inline const char* find_text_end(const char* from,
                                                        const Window& window) noexcept {
  const char* stop = find_stop<ControlStop>(from, window);
  while (stop != window.end && *stop == '\t') [[unlikely]] {
    stop = find_stop<ControlStop>(stop + 1, window);
  }
  return stop;
}

// Takes one field line, which is not the empty one. All of `field` is set when it is complete.
Advance take_field_line(const char* name, const Window& window, Field& field) noexcept;

#if defined(__SSE2__)

// As find_stop(), in a window that has sixteen bytes. Compares pointers only, and looks for a bit
// only where there is one: the loop is two branches and one addition.
[[gnu::always_inline]] inline const char* find_control(const char* from, const char* end) noexcept {
  const char* const last = end - 16;
  for (; from <= last; from += 16) {
    const unsigned stops = stop_bits<ControlStop>(from);
    if (stops != 0) [[likely]] {
      return from + std::countr_zero(stops);
    }
  }
  const unsigned stops = stop_bits<ControlStop>(last) >> (from - last);
  return stops != 0 ? from + std::countr_zero(stops) : end;
}

// Takes a field line as nearly all of them are: a name shorter than 16, one SP, a value with
// neither blanks around it nor HTAB in it. Null for all others, which take_field_line() judges.
[[gnu::always_inline]] inline const char* take_plain_line(const char* name, const Window& window,
                                                          Field& field) noexcept {
  if (window.end - name < 18) {
    return nullptr;
  }
  const __m128i head = load16(name);
  const auto colons = static_cast<unsigned>(_mm_movemask_epi8(ColonStop::mask(head)));
  const auto name_size = static_cast<size_t>(std::countr_zero(colons | 0x10000));
  const char* value = name + name_size + 2;
  if (name_size == 16 || value[-1] != ' ' || static_cast<unsigned char>(*value) <= ' ') {
    return nullptr;
  }
  const HeaderId id = find_header_id(name, name_size, head);
  if (id == HeaderId::other && !is_plain_name(head, name_size)) {
    return nullptr;
  }
  const char* const stop = find_control(value, window.end);
  if (window.end - stop < 2) {
    return nullptr;
  }
  uint16_t line_end = 0;
  std::memcpy(&line_end, stop, sizeof(line_end));
  if (line_end != kLineEnd || stop[-1] == ' ') {
    return nullptr;
  }
  field = {name,
           value,
           static_cast<uint32_t>(stop - value),
           static_cast<uint16_t>(name_size),
           id,
           Field::kCanonical};
  return stop + 2;
}

#else

inline const char* take_plain_line(const char*, const Window&, Field&) noexcept {
  return nullptr;
}

#endif

}  // namespace pingap::http::h1
