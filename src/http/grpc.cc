#include "http/grpc.h"

#include <algorithm>

#include "base/strings.h"
#include "http/status.h"

namespace pingap::http {
namespace {

constexpr std::string_view kType = "application/grpc";
constexpr std::string_view kWeb = "-web";
constexpr std::string_view kText = "-text";
constexpr size_t kDigits = 8;
constexpr std::chrono::hours kYear{24 * 366};

std::optional<Duration> unit_of(char c) noexcept {
  using namespace std::chrono;  // NOLINT(google-build-using-namespace): for the names of units
  switch (c) {
    case 'H':
      return hours(1);
    case 'M':
      return minutes(1);
    case 'S':
      return seconds(1);
    case 'm':
      return milliseconds(1);
    case 'u':
      return microseconds(1);
    case 'n':
      return nanoseconds(1);
    default:
      return std::nullopt;
  }
}

// Takes `prefix` off `text`, in any case.
bool take_prefix(std::string_view& text, std::string_view prefix) noexcept {
  const bool there = iequals(text.substr(0, prefix.size()), prefix);
  text.remove_prefix(there ? prefix.size() : 0);
  return there;
}

}  // namespace

GrpcType read_grpc_type(std::string_view content_type) noexcept {
  GrpcType type{GrpcForm::native, content_type};
  if (!take_prefix(type.rest, kType)) {
    return {};
  }
  if (take_prefix(type.rest, kWeb)) {
    type.form = take_prefix(type.rest, kText) ? GrpcForm::web_text : GrpcForm::web;
  }
  const bool ends = type.rest.empty() || type.rest.front() == '+' || type.rest.front() == ';' ||
                    type.rest.front() == ' ' || type.rest.front() == '\t';
  return ends ? type : GrpcType{};
}

bool is_grpc(const RequestHead& head) noexcept {
  return head.version == Version::http2 && head.method == Method::post &&
         read_grpc_type(head.headers.get(HeaderId::content_type)).form == GrpcForm::native;
}

std::optional<Duration> parse_grpc_timeout(std::string_view text) noexcept {
  if (text.size() < 2 || text.size() > kDigits + 1) {
    return std::nullopt;
  }
  const auto unit = unit_of(text.back());
  const auto value = parse_decimal(text.substr(0, text.size() - 1));
  if (!unit || !value) {
    return std::nullopt;
  }
  const auto most = static_cast<uint64_t>(Duration(kYear) / *unit);
  return *value >= most ? Duration(kYear) : *unit * static_cast<int64_t>(*value);
}

GrpcStatus grpc_status_for(ErrorCode why) noexcept {
  if (why == ErrorCode::deadline_exceeded) {
    return GrpcStatus::deadline_exceeded;
  }
  switch (status_for(why)) {
    case 400:
      return GrpcStatus::internal;
    case 401:
      return GrpcStatus::unauthenticated;
    case 403:
      return GrpcStatus::permission_denied;
    case 404:
      return GrpcStatus::unimplemented;
    case 413:
      return GrpcStatus::resource_exhausted;
    case 429:
    case 502:
    case 503:
    case 504:
      return GrpcStatus::unavailable;
    default:
      return GrpcStatus::unknown;
  }
}

std::string_view encode_grpc_message(std::string_view text, char* room) noexcept {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  char* to = room;
  for (const char c : text) {
    if (c >= ' ' && c <= '~' && c != '%') {
      *to++ = c;
      continue;
    }
    const size_t byte = static_cast<uint8_t>(c);
    *to++ = '%';
    *to++ = kHex[byte >> 4];
    *to++ = kHex[byte & 0x0f];
  }
  return {room, static_cast<size_t>(to - room)};
}

}  // namespace pingap::http
