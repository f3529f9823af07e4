#include "demo/websocket_echo.h"

#include <string>

#include <gtest/gtest.h>

namespace pingap::demo {
namespace {

constexpr std::string_view kMask = "\x11\x22\x33\x44";

// A frame as a client sends it.
std::string masked(unsigned first, std::string_view payload, unsigned length_code = 0,
                   bool mask = true) {
  std::string frame(1, static_cast<char>(first));
  const unsigned code = length_code != 0          ? length_code
                        : payload.size() < 126    ? static_cast<unsigned>(payload.size())
                        : payload.size() < 65536U ? 126U
                                                  : 127U;
  frame += static_cast<char>((mask ? 0x80U : 0U) | code);
  const int bytes = code == 126 ? 2 : code == 127 ? 8 : 0;
  for (int i = bytes - 1; i >= 0; --i) {
    frame += static_cast<char>(payload.size() >> (8 * i) & 0xff);
  }
  frame += mask ? kMask : std::string_view{};
  for (size_t i = 0; i < payload.size(); ++i) {
    frame += mask ? static_cast<char>(payload[i] ^ kMask[i & 3]) : payload[i];
  }
  return frame;
}

// The same as a server sends it.
std::string plain(unsigned first, std::string_view payload) {
  return masked(first, payload, 0, false);
}

struct Result {
  std::string out;
  bool open = true;
};

Result run(std::string_view bytes, size_t step) {
  WebSocketEcho echo;
  Result result;
  for (size_t at = 0; at < bytes.size(); at += step) {
    ByteQueue out;
    result.open = echo.take(bytes.substr(at, step), out);
    while (!out.empty()) {
      result.out += out.front();
      out.consume(out.front().size());
    }
  }
  return result;
}

TEST(WebSocketEcho, SendsFramesBackAtEverySplit) {
  const std::string big(70'000, 'x');
  const std::string medium(300, 'y');
  const std::string input = masked(0x81, "hello") + masked(0x82, std::string("\0\1", 2)) +
                            masked(0x81, "") + masked(0x89, "ping") + masked(0x8a, "pong") +
                            masked(0x01, "two ") + masked(0x89, "") + masked(0x80, "parts") +
                            masked(0x82, medium);
  const std::string wanted = plain(0x81, "hello") + plain(0x82, std::string("\0\1", 2)) +
                             plain(0x81, "") + plain(0x8a, "ping") + plain(0x01, "two ") +
                             plain(0x8a, "") + plain(0x80, "parts") + plain(0x82, medium);
  for (size_t step = 1; step <= input.size(); ++step) {
    const Result result = run(input, step);
    ASSERT_EQ(result.out, wanted) << step;
    ASSERT_TRUE(result.open);
  }
  EXPECT_EQ(run(masked(0x82, big), 4096).out, plain(0x82, big));
}

TEST(WebSocketEcho, AnswersACloseAndEnds) {
  const std::string status = "\x03\xe8";  // 1000
  const Result result = run(masked(0x88, status) + masked(0x81, "late"), 1000);
  EXPECT_EQ(result.out, plain(0x88, status));
  EXPECT_FALSE(result.open);
  EXPECT_EQ(run(masked(0x88, ""), 1).out, plain(0x88, ""));
}

TEST(WebSocketEcho, RefusesWhatBreaksTheProtocol) {
  const std::string refusal = plain(0x88, "\x03\xea");  // 1002
  const std::pair<const char*, std::string> cases[] = {
      {"not masked", plain(0x81, "x")},
      {"reserved bit", masked(0xc1, "x")},
      {"reserved opcode", masked(0x83, "x")},
      {"reserved control opcode", masked(0x8b, "x")},
      {"fragmented ping", masked(0x09, "x")},
      {"long ping", masked(0x89, std::string(126, 'x'))},
      {"continuation of nothing", masked(0x80, "x")},
      {"message inside a message", masked(0x01, "") + masked(0x81, "x")},
  };
  for (const auto& [what, bytes] : cases) {
    const Result result = run(bytes, 1);
    EXPECT_TRUE(result.out.ends_with(refusal)) << what;
    EXPECT_FALSE(result.open) << what;
  }
  const Result giant = run(std::string("\x82\xff\x80\0\0\0\0\0\0\0", 10) + std::string(kMask), 1);
  EXPECT_EQ(giant.out, refusal);
}

}  // namespace
}  // namespace pingap::demo
