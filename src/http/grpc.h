// What gRPC adds to HTTP/2: when a request is one of its calls, its deadline, and how an answer
// that is none of the called program says what went wrong (gRPC's PROTOCOL-HTTP2.md). Pure; any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "http/head.h"

namespace pingap::http {

// The codes that a proxy has a use for (gRPC's statuscodes.md).
enum class GrpcStatus : uint8_t {
  unknown = 2,
  deadline_exceeded = 4,
  permission_denied = 7,
  resource_exhausted = 8,
  unimplemented = 12,
  internal = 13,
  unavailable = 14,
  unauthenticated = 16,
};

enum class GrpcForm : uint8_t { none, native, web, web_text };

// A content type: "application/grpc", "-web" or "-web-text" behind it, alone or with `rest`:
// "+proto", ";...".
struct GrpcType {
  GrpcForm form = GrpcForm::none;
  std::string_view rest;  // of the text
};

GrpcType read_grpc_type(std::string_view content_type) noexcept;

// A POST of HTTP/2 with a content-type of gRPC. Not gRPC-web, which has its status elsewhere.
bool is_grpc(const RequestHead& head) noexcept;

// The value of grpc-timeout: one to eight digits and a unit. nullopt for anything else. What is
// longer than a year is a year.
std::optional<Duration> parse_grpc_timeout(std::string_view text) noexcept;

// What an error of ours is to a client of gRPC: that of its HTTP status (gRPC's
// http-grpc-status-mapping.md), but for the deadline and bodies that are too long.
GrpcStatus grpc_status_for(ErrorCode why) noexcept;

// The longest that encode_grpc_message() writes of `size` bytes.
constexpr size_t grpc_message_room(size_t size) noexcept {
  return 3 * size;
}

// The value of grpc-message: bytes but printable ASCII, and '%', are escaped. Returns what was
// written to `room`, which has grpc_message_room(text.size()) bytes.
std::string_view encode_grpc_message(std::string_view text, char* room) noexcept;

}  // namespace pingap::http
