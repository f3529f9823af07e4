#include "proxy/grpc_error.h"

#include <charconv>

#include "http/grpc.h"
#include "http/status.h"

namespace pingap::proxy {
namespace {

constexpr size_t kFields = 4;
constexpr size_t kDigits = 3;

void add_status(ErrorCode why, Arena& arena, http::HeaderMap& to) noexcept {
  char* digits = arena.make_array<char>(kDigits);
  const auto code = static_cast<unsigned>(http::grpc_status_for(why));
  const char* end = std::to_chars(digits, digits + kDigits, code).ptr;
  to.add("grpc-status", {digits, static_cast<size_t>(end - digits)});
  const std::string_view message =
      arena.concat(http::reason_phrase(http::status_for(why)), ": ", to_string(why));
  char* room = arena.make_array<char>(http::grpc_message_room(message.size()));
  to.add("grpc-message", http::encode_grpc_message(message, room));
}

http::HeaderMap make_map(Arena& arena) noexcept {
  return http::HeaderMap(std::span(arena.make_array<http::Field>(kFields), kFields));
}

}  // namespace

void render_grpc_error(ErrorCode why, Arena& arena, http::ResponseHead& head) noexcept {
  head = {};
  head.status = 200;
  head.headers = make_map(arena);
  head.headers.add(http::HeaderId::server, "pingap");
  head.headers.add(http::HeaderId::content_type, "application/grpc");
  add_status(why, arena, head.headers);
}

http::HeaderMap grpc_error_trailers(ErrorCode why, Arena& arena) noexcept {
  http::HeaderMap trailers = make_map(arena);
  add_status(why, arena, trailers);
  return trailers;
}

}  // namespace pingap::proxy
