#include "http/grpc_web.h"

#include <algorithm>
#include <cstring>

#include "base/strings.h"

namespace pingap::http {
namespace {

constexpr size_t kPrefix = 5;  // flag and length
constexpr uint8_t kTrailersFlag = 0x80;

char* put(std::string_view text, char* to) noexcept {
  std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

}  // namespace

void GrpcMessages::skip(std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    if (left_ > 0) {
      const size_t taken = std::min<size_t>(left_, bytes.size());
      left_ -= static_cast<uint32_t>(taken);
      bytes.remove_prefix(taken);
      continue;
    }
    if (prefix_ > 0) {
      length_ = length_ << 8 | static_cast<uint8_t>(bytes.front());
    }
    bytes.remove_prefix(1);
    if (++prefix_ == kPrefix) {
      left_ = length_;
      length_ = 0;
      prefix_ = 0;
    }
  }
}

void append_grpc_web_trailers(const HeaderMap& trailers, ByteQueue& out) noexcept {
  size_t size = 0;
  for (const Field& field : trailers.fields()) {
    if (!field.removed()) {
      size += size_t{field.name_size} + field.value_size + std::strlen(": \r\n");
    }
  }
  char* to = out.prepare(kPrefix + size).data();
  *to++ = static_cast<char>(kTrailersFlag);
  for (unsigned shift = 32; shift > 0; shift -= 8) {
    *to++ = static_cast<char>(size >> (shift - 8) & 0xff);
  }
  for (const Field& field : trailers.fields()) {
    if (!field.removed()) {
      to = std::transform(field.name_data, field.name_data + field.name_size, to, to_lower);
      to = put(": ", to);
      to = put(field.value(), to);
      to = put("\r\n", to);
    }
  }
  out.commit(kPrefix + size);
}

}  // namespace pingap::http
