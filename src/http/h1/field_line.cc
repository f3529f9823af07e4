#include "http/h1/field_line.h"

namespace pingap::http::h1 {
namespace {

// No ':' within reach: says whether what is there could still become a name.
Advance stop_in_name(const char* name, const char* end) noexcept {
  const char* stop = skip_token(name, end);
  if (static_cast<size_t>(stop - name) > kMaxFieldName) {
    return {nullptr, ErrorCode::head_too_large};
  }
  return {nullptr, stop == end ? ErrorCode::none : ErrorCode::bad_header};
}

// The ':' behind a name, and the id of that name.
struct NameEnd {
  const char* colon;
  HeaderId id;
};

NameEnd find_name_end(const char* name, const Window& window) noexcept {
#if defined(__SSE2__)
  if (window.end - name >= 16) [[likely]] {
    const __m128i head = load16(name);
    const auto bits = static_cast<unsigned>(_mm_movemask_epi8(ColonStop::mask(head)));
    const char* colon =
        bits != 0 ? name + std::countr_zero(bits) : find_stop<ColonStop>(name + 16, window);
    return {colon, find_header_id(name, static_cast<size_t>(colon - name), head)};
  }
#endif
  const char* colon = find_stop<ColonStop>(name, window);
  return {colon, find_header_id({name, static_cast<size_t>(colon - name)})};
}

}  // namespace

Advance take_field_line(const char* name, const Window& window, Field& field) noexcept {
  const auto [colon, id] = find_name_end(name, window);
  const auto name_size = static_cast<size_t>(colon - name);
  if (colon == window.end || name_size > kMaxFieldName) [[unlikely]] {
    return stop_in_name(name, window.end);
  }
  // A known name is made of token bytes; others are looked at one by one.
  if (id == HeaderId::other && (name_size == 0 || skip_token(name, colon) != colon)) {
    return {nullptr, ErrorCode::bad_header};
  }

  const char* value = colon + 1;
  bool canonical = false;
  if (value != window.end && *value == ' ') [[likely]] {
    ++value;
    canonical = true;
  }
  while (value != window.end && is_blank(*value)) [[unlikely]] {
    ++value;
    canonical = false;
  }
  const char* stop = find_text_end(value, window);
  const Advance line = take_line_end(stop, window.end, ErrorCode::bad_header);
  if (line.next == nullptr) [[unlikely]] {
    return line;
  }
  while (stop > value && is_blank(stop[-1])) [[unlikely]] {
    --stop;
    canonical = false;
  }
  field = {name,
           value,
           static_cast<uint32_t>(stop - value),
           static_cast<uint16_t>(name_size),
           id,
           canonical ? Field::kCanonical : uint8_t{0}};
  return line;
}

}  // namespace pingap::http::h1
