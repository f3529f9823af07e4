#include "http/h2/head_fields.h"

#include <array>
#include <charconv>
#include <cstring>

#include "base/strings.h"
#include "http/date.h"
#include "http/limits.h"

namespace pingap::http::h2 {
namespace {

using hpack::Pseudo;

// `:status`, Content-Length and Date beside those of the head and the configured ones.
constexpr size_t kMostFields = limits::kResponseFields + 256;

// Fields that are being written, and the text of what is not in the head as it is needed.
struct Scratch {
  std::array<FieldView, kMostFields> fields;
  std::array<char, 64 * 1024> text;
  size_t count = 0;
  size_t used = 0;

  void clear() noexcept {
    count = 0;
    used = 0;
  }

  void add(std::string_view name, std::string_view value, HeaderId id,
           Pseudo pseudo = Pseudo::none) noexcept {
    if (count < fields.size()) {
      fields[count++] = {{name, id, pseudo}, value};
    }
  }

  void add(Pseudo pseudo, std::string_view name, std::string_view value) noexcept {
    add(name, value, HeaderId::other, pseudo);
  }

  std::string_view number(uint64_t value) noexcept {
    char* to = text.data() + used;
    const auto size = static_cast<size_t>(std::to_chars(to, to + 20, value).ptr - to);
    used += size;
    return {to, size};
  }

  // An absolute-form target may come without a path (RFC 9112 3.2.1).
  std::string_view path(std::string_view target) noexcept {
    if (!target.starts_with('?') || !has_room(target.size() + 1)) {
      return target;
    }
    char* to = text.data() + used;
    *to = '/';
    std::memcpy(to + 1, target.data(), target.size());
    used += target.size() + 1;
    return {to, target.size() + 1};
  }

  bool has_room(size_t bytes) const noexcept { return text.size() - used >= bytes; }

  void add_fields(const HeaderMap& headers) noexcept {
    for (const Field& field : headers.fields()) {
      constexpr uint8_t kNever = kHopByHop | kFromHead;
      if (!field.removed() && (header_policy(field.id) & kNever) == 0) {
        add(field.name(), field.value(), field.id);
        fields[count - 1].never_indexed = (field.flags & Field::kNeverIndexed) != 0;
      }
    }
  }

  std::span<const FieldView> view() const noexcept { return std::span(fields).first(count); }
};

thread_local Scratch t_scratch;

}  // namespace

std::span<const FieldView> request_fields(const RequestHead& head,
                                          std::string_view scheme) noexcept {
  Scratch& out = t_scratch;
  out.clear();
  if (head.websocket) {
    out.add(Pseudo::method, ":method", "CONNECT");  // RFC 8441 5
    out.add(Pseudo::protocol, ":protocol", "websocket");
  } else {
    out.add(Pseudo::method, ":method", head.method_text);
  }
  out.add(Pseudo::scheme, ":scheme", scheme);
  out.add(Pseudo::path, ":path", out.path(head.target));
  out.add(Pseudo::authority, ":authority",
          head.authority);  // and no Host beside it (RFC 9113 8.3.1)
  out.add_fields(head.headers);
  if (const Field* te = head.headers.find(HeaderId::te);
      te != nullptr && iequals(te->value(), "trailers")) {
    out.add("te", "trailers", HeaderId::te);  // the one hop-by-hop field there is (RFC 9113 8.2.2)
  }
  if (head.framing == Framing::length && out.has_room(64)) {
    out.add("content-length", out.number(head.content_length), HeaderId::content_length);
  }
  return out.view();
}

std::span<const FieldView> response_fields(const ResponseHead& head) noexcept {
  Scratch& out = t_scratch;
  out.clear();
  out.add(Pseudo::status, ":status", out.number(head.status));
  out.add_fields(head.headers);
  const bool lengthless = head.status < 200 || head.status == 204;
  if (!lengthless && out.has_room(64) &&
      (head.framing == Framing::length ||
       (head.framing == Framing::none && head.has_content_length))) {
    out.add("content-length", out.number(head.content_length), HeaderId::content_length);
  }
  if (head.status >= 200 && head.headers.find(HeaderId::date) == nullptr) {
    out.add("date", date_now(), HeaderId::date);
  }
  return out.view();
}

std::span<const FieldView> trailer_fields(const HeaderMap& trailers) noexcept {
  Scratch& out = t_scratch;
  out.clear();
  out.add_fields(trailers);
  return out.view();
}

}  // namespace pingap::http::h2
