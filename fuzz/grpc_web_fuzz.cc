// The codec of gRPC-web: base64 is the same however it is cut, what is encoded decodes to itself,
// and messages end where they end.
#include <cstring>
#include <optional>
#include <vector>

#include "base/byte_queue.h"
#include "http/base64.h"
#include "http/grpc.h"
#include "http/grpc_web.h"
#include "input.h"

namespace pingap::fuzz {
namespace {

// In pieces as `input` cuts it, or whole; nullopt: no base64.
std::optional<std::string> decode(std::string_view text, Input* input) {
  http::Base64Decoder decoder;
  std::string out;
  while (!text.empty()) {
    const std::string_view piece = input == nullptr ? text : input->next_piece(text);
    if (input == nullptr) {
      text = {};
    }
    std::vector<char> room(http::Base64Decoder::room_for(piece.size()));
    const auto size = decoder.decode(Exact(piece).view(), room.data());
    if (!size) {
      return std::nullopt;
    }
    out.append(room.data(), *size);
  }
  return decoder.whole() ? std::optional(out) : std::nullopt;
}

// Each piece may end with its padding, as flushed answers have it.
std::string encode(std::string_view bytes, Input& input) {
  http::Base64Encoder encoder;
  std::string out;
  const auto finish = [&] {
    char last[http::Base64Encoder::kLast];
    out.append(last, encoder.finish(last));
  };
  while (!bytes.empty()) {
    const std::string_view piece = input.next_piece(bytes);
    std::vector<char> room(http::Base64Encoder::room_for(piece.size()));
    out.append(room.data(), encoder.encode(Exact(piece).view(), room.data()));
    if (input.choose(2) == 0) {
      finish();
    }
  }
  finish();
  return out;
}

bool ends_whole(std::string_view bytes) {
  while (bytes.size() >= 5) {
    size_t size = 0;
    for (size_t i = 1; i < 5; ++i) {
      size = size << 8 | static_cast<uint8_t>(bytes[i]);
    }
    bytes.remove_prefix(5);
    if (bytes.size() < size) {
      return false;
    }
    bytes.remove_prefix(size);
  }
  return bytes.empty();
}

void run(Input input) {
  const std::string_view bytes = input.bytes();
  require(decode(bytes, nullptr) == decode(bytes, &input), "the same however it is cut");
  const auto back = decode(encode(bytes, input), &input);
  require(back && *back == bytes, "what was encoded comes back");
  http::GrpcMessages messages;
  for (std::string_view rest = bytes; !rest.empty();) {
    messages.skip(Exact(input.next_piece(rest)).view());
  }
  require(messages.between() == ends_whole(bytes), "messages end where they end");
  const http::GrpcType type = http::read_grpc_type(Exact(bytes).view());
  require(type.form != http::GrpcForm::none || type.rest.empty(), "nothing of what is none");
}

}  // namespace
}  // namespace pingap::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  pingap::fuzz::run({data, size});
  return 0;
}
