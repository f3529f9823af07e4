#include "http/h1/serializer.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <cstring>
#include <string_view>

#include "http/date.h"
#include "http/h1/scan.h"
#include "http/status.h"

namespace pingap::http::h1 {
namespace {

// More than all that is not a field, the method, target, authority or reason.
constexpr size_t kFixedRoom = 256;

// What is written from the head is never copied. Upgrade is among it: what a peer may upgrade to is
// what the head says, whatever else was sent.
bool is_copied(const Field& field) noexcept {
  return !field.removed() && (header_policy(field.id) & kFromHead) == 0;
}

[[maybe_unused]] bool is_text(std::string_view text) noexcept {
  return std::ranges::none_of(text, [](char c) { return ControlStop::stops(c) && c != '\t'; });
}

// All put functions write at `to`, where room is known to be, and return the end of what they
// wrote: a pointer in a register, not a member that is stored after every byte.

template <size_t N>
[[gnu::always_inline]] inline char* put(char* to, const char (&text)[N]) noexcept {
  std::memcpy(to, text, N - 1);
  return to + N - 1;
}

template <class Word>
[[gnu::always_inline]] inline char* put_ends(char* to, std::string_view text) noexcept {
  const char* from = text.data();
  Word first;
  Word last;
  std::memcpy(&first, from, sizeof(Word));
  std::memcpy(&last, from + text.size() - sizeof(Word), sizeof(Word));
  std::memcpy(to, &first, sizeof(Word));
  std::memcpy(to + text.size() - sizeof(Word), &last, sizeof(Word));
  return to + text.size();
}

// Short texts are most of what is not copied in a run: two moves that may overlap instead of a
// call.
[[gnu::always_inline]] inline char* put_text(char* to, std::string_view text) noexcept {
  struct Sixteen {
    uint64_t words[2];
  };

  struct ThirtyTwo {
    uint64_t words[4];
  };

  if (text.size() > 64) {
    std::memcpy(to, text.data(), text.size());
    return to + text.size();
  }
  if (text.size() >= sizeof(ThirtyTwo)) {
    return put_ends<ThirtyTwo>(to, text);
  }
  if (text.size() >= sizeof(Sixteen)) {
    return put_ends<Sixteen>(to, text);
  }
  if (text.size() >= sizeof(uint64_t)) {
    return put_ends<uint64_t>(to, text);
  }
  if (text.size() >= sizeof(uint32_t)) {
    return put_ends<uint32_t>(to, text);
  }
  for (const char c : text) {
    *to++ = c;
  }
  return to;
}

char* put_number(char* to, uint64_t value) noexcept {
  return std::to_chars(to, to + 20, value).ptr;
}

char* put_field(char* to, std::string_view name, std::string_view value) noexcept {
  assert(is_token(name) && is_text(value));
  to = put(put_text(to, name), ": ");
  return put(put_text(to, value), "\r\n");
}

size_t fields_room(const HeaderMap& headers) noexcept {
  size_t room = 0;
  for (const Field& field : headers.fields()) {
    room += size_t{field.name_size} + field.value_size + 4;
  }
  return room;
}

// Copies the fields; neighbours that lie in memory as they are written go in one piece.
char* put_fields(char* to, const HeaderMap& headers) noexcept {
  const Field* at = headers.fields().data();
  const Field* const end = at + headers.size();
  while (at != end) {
    const Field& first = *at++;
    if (!is_copied(first)) {
      continue;
    }
    if ((first.flags & Field::kCanonical) == 0) {
      to = put_field(to, first.name(), first.value());
      continue;
    }
    const char* run_end = first.value_data + first.value_size + 2;
    for (; at != end && at->name_data == run_end && at->flags == Field::kCanonical; ++at) {
      if (!is_copied(*at)) {
        break;
      }
      run_end = at->value_data + at->value_size + 2;
    }
    to = put_text(to, {first.name_data, static_cast<size_t>(run_end - first.name_data)});
  }
  return to;
}

char* put_length(char* to, uint64_t length) noexcept {
  return put(put_number(put(to, "Content-Length: "), length), "\r\n");
}

char* put_websocket(char* to) noexcept {
  return put(to, "Connection: upgrade\r\nUpgrade: websocket\r\n");
}

// A status line of ours is always HTTP/1.1 (RFC 9110 2.5).
char* put_status_line(char* to, const ResponseHead& head) noexcept {
  assert(head.status >= 100 && head.status <= 999 && is_text(head.reason));
  to = put(to, "HTTP/1.1 ");
  to[0] = static_cast<char>('0' + head.status / 100);
  to[1] = static_cast<char>('0' + head.status / 10 % 10);
  to[2] = static_cast<char>('0' + head.status % 10);
  to[3] = ' ';
  to = put_text(to + 4, head.reason.empty() ? reason_phrase(head.status) : head.reason);
  return put(to, "\r\n");
}

// Whether the end of the body is the end of the connection. HTTP/1.0 has no chunks.
bool ends_by_close(const ResponseHead& head, const ResponseStyle& style) noexcept {
  return head.framing == Framing::until_close ||
         (head.framing == Framing::chunked && style.client == Version::http10);
}

char* put_response_framing(char* to, const ResponseHead& head,
                           const ResponseStyle& style) noexcept {
  const bool lengthless = head.status < 200 || head.status == 204;
  if (head.framing == Framing::length ||
      (head.framing == Framing::none && head.has_content_length && !lengthless)) {
    return put_length(to, head.content_length);
  }
  if (head.framing == Framing::chunked && style.client != Version::http10) {
    return put(to, "Transfer-Encoding: chunked\r\n");
  }
  return to;
}

// 426 has to say what to upgrade to (RFC 9110 15.5.22): the one case of Upgrade in a map.
char* put_upgrade_offer(char* to, const Field& upgrade, bool keep_alive) noexcept {
  to = put_field(to, "Upgrade", upgrade.value());
  return put_field(to, "Connection", keep_alive ? "upgrade" : "close, upgrade");
}

char* put_response_connection(char* to, const ResponseHead& head,
                              const ResponseStyle& style) noexcept {
  if (head.websocket && head.framing == Framing::tunnel) {
    return put_websocket(to);
  }
  if (head.status < 200) {
    return to;
  }
  const bool keep_alive = style.keep_alive && !ends_by_close(head, style);
  const Field* upgrade = head.status == 426 ? head.headers.find(HeaderId::upgrade) : nullptr;
  if (upgrade != nullptr) {
    return put_upgrade_offer(to, *upgrade, keep_alive);
  }
  if (!keep_alive) {
    return put(to, "Connection: close\r\n");
  }
  return style.client == Version::http10 ? put(to, "Connection: keep-alive\r\n") : to;
}

char* put_date(char* to) noexcept {
  return put(put_text(put(to, "Date: "), date_now()), "\r\n");
}

char* put_request_framing(char* to, const RequestHead& head) noexcept {
  if (head.framing == Framing::length) {
    return put_length(to, head.content_length);
  }
  return head.framing == Framing::chunked ? put(to, "Transfer-Encoding: chunked\r\n") : to;
}

char* put_request_line(char* to, const RequestHead& head) noexcept {
  assert(is_token(head.method_text) && !head.target.empty());
  assert(is_text(head.target) && is_text(head.authority));
  to = put(put_text(to, head.method_text), " ");
  if (head.target.front() == '?') {
    *to++ = '/';  // an absolute-form target without path (RFC 9112 3.2.1)
  }
  to = put(put_text(to, head.target), " HTTP/1.1\r\nHost: ");
  return put(put_text(to, head.authority), "\r\n");
}

}  // namespace

void write_request(const RequestHead& head, const RequestStyle& style, ByteQueue& out) noexcept {
  const size_t room = kFixedRoom + head.method_text.size() + head.target.size() +
                      head.authority.size() + fields_room(head.headers);
  char* const start = out.prepare(room).data();
  char* to = put_request_line(start, head);
  to = put_fields(to, head.headers);
  to = put_request_framing(to, head);
  if (head.websocket && head.framing == Framing::tunnel) {
    to = put_websocket(to);
  } else if (!style.keep_alive) {
    to = put(to, "Connection: close\r\n");
  }
  to = put(to, "\r\n");
  out.commit(static_cast<size_t>(to - start));
}

void write_response(const ResponseHead& head, const ResponseStyle& style, ByteQueue& out) noexcept {
  const size_t room = kFixedRoom + head.reason.size() + fields_room(head.headers);
  char* const start = out.prepare(room).data();
  char* to = put_status_line(start, head);
  to = put_fields(to, head.headers);
  to = put_response_framing(to, head, style);
  to = put_response_connection(to, head, style);
  if (style.date && head.status >= 200 && head.headers.find(HeaderId::date) == nullptr) {
    to = put_date(to);
  }
  to = put(to, "\r\n");
  out.commit(static_cast<size_t>(to - start));
}

size_t write_chunk_head(uint64_t size, char* room) noexcept {
  char* end = std::to_chars(room, room + 16, size, 16).ptr;
  return static_cast<size_t>(put(end, "\r\n") - room);
}

void write_last_chunk(const HeaderMap* trailers, ByteQueue& out) noexcept {
  const size_t room = kFixedRoom + (trailers == nullptr ? 0 : fields_room(*trailers));
  char* const start = out.prepare(room).data();
  char* to = put(start, "0\r\n");
  if (trailers != nullptr) {
    to = put_fields(to, *trailers);
  }
  to = put(to, "\r\n");
  out.commit(static_cast<size_t>(to - start));
}

}  // namespace pingap::http::h1
