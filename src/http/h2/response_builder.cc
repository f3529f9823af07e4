#include "http/h2/response_builder.h"

#include "base/strings.h"

namespace pingap::http::h2 {

void ResponseBuilder::add(const hpack::DecodedField& field) noexcept {
  if (!count(field.name.text, field.value)) {
    return;
  }
  if (field.name.pseudo == hpack::Pseudo::none) {
    add_field(field);
  } else if (field.name.pseudo == hpack::Pseudo::status) {
    const auto status = parse_decimal(field.value);
    status_ = status && field.value.size() == 3 ? static_cast<uint16_t>(*status) : 0;
  }
}

ErrorCode ResponseBuilder::finish(Method request, End end, ResponseHead& head) noexcept {
  head.version = Version::http2;
  head.storage = bytes_;
  head.status = status_;
  if (too_large()) {
    return ErrorCode::upstream_head_too_large;
  }
  if (status_ < 100 || status_ == 101) {
    return ErrorCode::upstream_bad_head;  // there is no 101 (RFC 9113 8.6)
  }
  const bool lengthless = status_ < 200 || status_ == 204;
  for (const Field& field : fields()) {
    if (field.id == HeaderId::content_length && !lengthless) {
      const auto length = parse_decimal(field.value());
      if (!length) {
        return ErrorCode::upstream_bad_framing;
      }
      head.has_content_length = true;
      head.content_length = *length;
    }
  }
  const bool bodiless = lengthless || status_ == 304 || request == Method::head;
  if (bodiless) {
    head.framing = Framing::none;
  } else if (head.has_content_length || end == End::yes) {
    head.framing = Framing::length;
    head.has_content_length = true;
  } else {
    head.framing = Framing::chunked;
  }
  head.headers = HeaderMap(std::span(storage_));
  head.headers.filled(count_);
  return ErrorCode::none;
}

}  // namespace pingap::http::h2
