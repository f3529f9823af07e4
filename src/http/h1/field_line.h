// One field line of a head or trailer section (RFC 9112 5): name ":" OWS value OWS CRLF.
// Pure. Inline, because it is most of the work of parsing a head.
#pragma once

#include <cstdint>
#include <limits>

#include "base/error.h"
#include "http/h1/scan.h"
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

enum class LineKind : uint8_t { field, empty, stopped };

inline constexpr size_t kMaxFieldName = std::numeric_limits<uint16_t>::max();

// No ':' within reach: says whether what is there could still become a name.
inline bool stop_in_name(Cursor& cursor) noexcept {
  const char* stop = skip_token(cursor.at, cursor.window.end);
  if (static_cast<size_t>(stop - cursor.at) > kMaxFieldName) {
    return cursor.fail(ErrorCode::head_too_large);
  }
  return stop == cursor.window.end ? false : cursor.fail(ErrorCode::bad_header);
}

// Takes CRLF at `stop`, which is the end of the line's text.
inline bool take_line_end(Cursor& cursor, const char* stop, ErrorCode why) noexcept {
  if (cursor.window.end - stop >= 2) [[likely]] {
    if (stop[0] != '\r' || stop[1] != '\n') {
      return cursor.fail(why);
    }
    cursor.at = stop + 2;
    return true;
  }
  return stop == cursor.window.end || *stop == '\r' ? false : cursor.fail(why);
}

constexpr bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t';
}

// The end of the line's text: the first control byte that is not HTAB.
inline const char* find_text_end(const char* from, const Window& window) noexcept {
  const char* stop = find_stop<ControlStop>(from, window);
  while (stop != window.end && *stop == '\t') {
    stop = find_stop<ControlStop>(stop + 1, window);
  }
  return stop;
}

inline bool take_name(Cursor& cursor, Field& field) noexcept {
  const char* name = cursor.at;
  const char* colon = find_stop<ColonStop>(name, cursor.window);
  const auto size = static_cast<size_t>(colon - name);
  if (colon == cursor.window.end || size > kMaxFieldName) [[unlikely]] {
    return stop_in_name(cursor);
  }
  field.name_data = name;
  field.name_size = static_cast<uint16_t>(size);
  field.id = find_header_id({name, size});
  // A known name is made of token bytes; others are looked at one by one.
  if (field.id == HeaderId::other && (size == 0 || skip_token(name, colon) != colon)) {
    return cursor.fail(ErrorCode::bad_header);
  }
  cursor.at = colon + 1;
  return true;
}

inline bool take_value(Cursor& cursor, Field& field) noexcept {
  const char* value = cursor.at;
  const char* end = cursor.window.end;
  uint8_t flags = 0;
  if (value < end && *value == ' ') [[likely]] {
    ++value;
    flags = Field::kCanonical;
  }
  while (value < end && is_blank(*value)) {
    ++value;
    flags = 0;
  }
  const char* stop = find_text_end(value, cursor.window);
  if (!take_line_end(cursor, stop, ErrorCode::bad_header)) {
    return false;
  }
  while (stop > value && is_blank(stop[-1])) {
    --stop;
    flags = 0;
  }
  field.value_data = value;
  field.value_size = static_cast<uint32_t>(stop - value);
  field.flags = flags;
  return true;
}

// Takes one line: a field, or the empty line that ends the section.
inline LineKind take_field_line(Cursor& cursor, Field& field) noexcept {
  if (cursor.at == cursor.window.end) {
    return LineKind::stopped;
  }
  if (*cursor.at == '\r') {
    return take_line_end(cursor, cursor.at, ErrorCode::bad_header) ? LineKind::empty
                                                                   : LineKind::stopped;
  }
  return take_name(cursor, field) && take_value(cursor, field) ? LineKind::field
                                                               : LineKind::stopped;
}

}  // namespace pingap::http::h1
