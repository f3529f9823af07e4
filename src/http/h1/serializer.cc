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

// Fields that are written from the head, never copied. Upgrade is one: what a peer may upgrade to
// is what the head says, whatever else was sent.
constexpr auto kFromHead = [] {
  std::array<bool, static_cast<size_t>(HeaderId::count_)> table{};
  for (const HeaderId id : {HeaderId::host, HeaderId::content_length, HeaderId::transfer_encoding,
                            HeaderId::connection, HeaderId::upgrade}) {
    table[static_cast<size_t>(id)] = true;
  }
  return table;
}();

bool is_copied(const Field& field) noexcept {
  return !field.removed() && !kFromHead[static_cast<size_t>(field.id)];
}

[[maybe_unused]] bool is_text(std::string_view text) noexcept {
  return std::ranges::none_of(text, [](char c) { return ControlStop::stops(c) && c != '\t'; });
}

// Writes into room that is known to be enough.
class Writer {
 public:
  explicit Writer(char* to) noexcept : to_(to) {}

  char* end() const noexcept { return to_; }

  template <size_t N>
  void literal(const char (&text)[N]) noexcept {
    std::memcpy(to_, text, N - 1);
    to_ += N - 1;
  }

  void byte(char c) noexcept { *to_++ = c; }

  void text(std::string_view text) noexcept {
    std::memcpy(to_, text.data(), text.size());
    to_ += text.size();
  }

  void number(uint64_t value) noexcept { to_ = std::to_chars(to_, to_ + 20, value).ptr; }

  void field(std::string_view name, std::string_view value) noexcept {
    assert(!name.empty() &&
           skip_token(name.data(), name.data() + name.size()) == name.data() + name.size());
    assert(is_text(value));
    text(name);
    literal(": ");
    text(value);
    literal("\r\n");
  }

 private:
  char* to_;
};

size_t fields_room(const HeaderMap& headers) noexcept {
  size_t room = 0;
  for (const Field& field : headers.fields()) {
    room += size_t{field.name_size} + field.value_size + 4;
  }
  return room;
}

// Copies the fields; neighbours that lie in memory as they are written go in one piece.
void put_fields(const HeaderMap& headers, Writer& out) noexcept {
  const std::span<const Field> fields = headers.fields();
  for (size_t i = 0; i < fields.size();) {
    const Field& first = fields[i++];
    if (!is_copied(first)) {
      continue;
    }
    if ((first.flags & Field::kCanonical) == 0) {
      out.field(first.name(), first.value());
      continue;
    }
    const char* end = first.value_data + first.value_size + 2;
    while (i < fields.size() && fields[i].name_data == end && is_copied(fields[i]) &&
           (fields[i].flags & Field::kCanonical) != 0) {
      end = fields[i].value_data + fields[i].value_size + 2;
      ++i;
    }
    out.text({first.name_data, static_cast<size_t>(end - first.name_data)});
  }
}

void put_length(uint64_t length, Writer& out) noexcept {
  out.literal("Content-Length: ");
  out.number(length);
  out.literal("\r\n");
}

void put_websocket(Writer& out) noexcept {
  out.literal("Connection: upgrade\r\nUpgrade: websocket\r\n");
}

// A status line of ours is always HTTP/1.1 (RFC 9110 2.5).
void put_status_line(const ResponseHead& head, Writer& out) noexcept {
  assert(is_text(head.reason));
  out.literal("HTTP/1.1 ");
  out.number(head.status);
  out.byte(' ');
  out.text(head.reason.empty() ? reason_phrase(head.status) : head.reason);
  out.literal("\r\n");
}

// Whether the end of the body is the end of the connection. HTTP/1.0 has no chunks.
bool ends_by_close(const ResponseHead& head, const ResponseStyle& style) noexcept {
  return head.framing == Framing::until_close ||
         (head.framing == Framing::chunked && style.client == Version::http10);
}

void put_response_framing(const ResponseHead& head, const ResponseStyle& style,
                          Writer& out) noexcept {
  const bool lengthless = head.status < 200 || head.status == 204;
  if (head.framing == Framing::length ||
      (head.framing == Framing::none && head.has_content_length && !lengthless)) {
    put_length(head.content_length, out);
  } else if (head.framing == Framing::chunked && style.client != Version::http10) {
    out.literal("Transfer-Encoding: chunked\r\n");
  }
}

void put_response_connection(const ResponseHead& head, const ResponseStyle& style,
                             Writer& out) noexcept {
  if (head.websocket && head.framing == Framing::tunnel) {
    put_websocket(out);
    return;
  }
  if (head.status < 200) {
    return;
  }
  const bool keep_alive = style.keep_alive && !ends_by_close(head, style);
  // 426 has to say what to upgrade to (RFC 9110 15.5.22): the one case of Upgrade in a map.
  const Field* upgrade = head.status == 426 ? head.headers.find(HeaderId::upgrade) : nullptr;
  if (upgrade != nullptr) {
    out.field("Upgrade", upgrade->value());
    out.field("Connection", keep_alive ? "upgrade" : "close, upgrade");
  } else if (!keep_alive) {
    out.literal("Connection: close\r\n");
  } else if (style.client == Version::http10) {
    out.literal("Connection: keep-alive\r\n");
  }
}

void put_request_framing(const RequestHead& head, Writer& out) noexcept {
  if (head.framing == Framing::length) {
    put_length(head.content_length, out);
  } else if (head.framing == Framing::chunked) {
    out.literal("Transfer-Encoding: chunked\r\n");
  }
}

void put_request_line(const RequestHead& head, Writer& out) noexcept {
  assert(!head.method_text.empty() && !head.target.empty());
  assert(is_text(head.target) && is_text(head.authority));
  out.text(head.method_text);
  out.byte(' ');
  if (head.target.front() == '?') {
    out.byte('/');  // an absolute-form target without path (RFC 9112 3.2.1)
  }
  out.text(head.target);
  out.literal(" HTTP/1.1\r\nHost: ");
  out.text(head.authority);
  out.literal("\r\n");
}

}  // namespace

void write_request(const RequestHead& head, const RequestStyle& style, ByteQueue& out) noexcept {
  const size_t room = kFixedRoom + head.method_text.size() + head.target.size() +
                      head.authority.size() + fields_room(head.headers);
  const std::span<char> memory = out.prepare(room);
  Writer writer(memory.data());
  put_request_line(head, writer);
  put_fields(head.headers, writer);
  put_request_framing(head, writer);
  if (head.websocket && head.framing == Framing::tunnel) {
    put_websocket(writer);
  } else if (!style.keep_alive) {
    writer.literal("Connection: close\r\n");
  }
  writer.literal("\r\n");
  out.commit(static_cast<size_t>(writer.end() - memory.data()));
}

void write_response(const ResponseHead& head, const ResponseStyle& style, ByteQueue& out) noexcept {
  const size_t room = kFixedRoom + head.reason.size() + fields_room(head.headers);
  const std::span<char> memory = out.prepare(room);
  Writer writer(memory.data());
  put_status_line(head, writer);
  put_fields(head.headers, writer);
  put_response_framing(head, style, writer);
  put_response_connection(head, style, writer);
  if (style.date && head.status >= 200 && head.headers.find(HeaderId::date) == nullptr) {
    writer.literal("Date: ");
    writer.text(date_now());
    writer.literal("\r\n");
  }
  writer.literal("\r\n");
  out.commit(static_cast<size_t>(writer.end() - memory.data()));
}

size_t write_chunk_head(uint64_t size, char* room) noexcept {
  char* end = std::to_chars(room, room + 16, size, 16).ptr;
  end[0] = '\r';
  end[1] = '\n';
  return static_cast<size_t>(end - room) + 2;
}

void write_last_chunk(const HeaderMap* trailers, ByteQueue& out) noexcept {
  const size_t room = kFixedRoom + (trailers == nullptr ? 0 : fields_room(*trailers));
  const std::span<char> memory = out.prepare(room);
  Writer writer(memory.data());
  writer.literal("0\r\n");
  if (trailers != nullptr) {
    put_fields(*trailers, writer);
  }
  writer.literal("\r\n");
  out.commit(static_cast<size_t>(writer.end() - memory.data()));
}

}  // namespace pingap::http::h1
