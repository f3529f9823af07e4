#include "http/grpc_web.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "http/grpc.h"

namespace pingap::http {
namespace {

using namespace std::string_literals;  // NOLINT(google-build-using-namespace)

TEST(GrpcWeb, ContentTypes) {
  struct Case {
    const char* text;
    GrpcForm form;
    const char* rest;
  };

  for (const Case& one : std::vector<Case>{
           {"application/grpc", GrpcForm::native, ""},
           {"application/grpc+proto", GrpcForm::native, "+proto"},
           {"application/grpc-web", GrpcForm::web, ""},
           {"application/grpc-web+proto", GrpcForm::web, "+proto"},
           {"Application/gRPC-Web;charset=x", GrpcForm::web, ";charset=x"},
           {"application/grpc-web-text", GrpcForm::web_text, ""},
           {"application/grpc-web-TEXT+json", GrpcForm::web_text, "+json"},
           {"application/grpc-text", GrpcForm::none, ""},
           {"application/grpc-webtext", GrpcForm::none, ""},
           {"application/grpc-web-", GrpcForm::none, ""},
           {"application/grpc-web-texts", GrpcForm::none, ""},
           {"application/grp", GrpcForm::none, ""},
           {"", GrpcForm::none, ""},
       }) {
    const GrpcType type = read_grpc_type(one.text);
    EXPECT_EQ(type.form, one.form) << one.text;
    EXPECT_EQ(type.rest, one.rest) << one.text;
  }
}

TEST(GrpcWeb, MessagesAreFollowedHoweverTheyAreCut) {
  const std::string all = "\0\0\0\0\2hi"s + "\0\0\0\0\0"s + "\1\0\0\1\0"s + std::string(256, 'x');
  const std::vector<size_t> ends = {0, 7, 12, all.size()};
  for (size_t cut = 0; cut <= all.size(); ++cut) {
    GrpcMessages messages;
    messages.skip(std::string_view(all).substr(0, cut));
    const bool at_end = std::find(ends.begin(), ends.end(), cut) != ends.end();
    EXPECT_EQ(messages.between(), at_end) << cut;
    messages.skip(std::string_view(all).substr(cut));
    EXPECT_TRUE(messages.between());
  }
}

TEST(GrpcWeb, TheLongestMessageHasNoLimitHere) {
  GrpcMessages messages;
  messages.skip("\0\xff\xff\xff\xff"s);
  messages.skip(std::string(1000, 'x'));
  EXPECT_FALSE(messages.between());
}

TEST(GrpcWeb, TrailersAreAFrameOfLines) {
  std::array<Field, 4> room;
  HeaderMap trailers{std::span(room)};
  trailers.add("Grpc-Status", "5");
  trailers.add("x-gone", "1");
  trailers.add("grpc-message", "");
  trailers.add("X-End", "yes: no");
  trailers.remove("x-gone");
  ByteQueue out;
  append_grpc_web_trailers(trailers, out);
  const std::string lines = "grpc-status: 5\r\ngrpc-message: \r\nx-end: yes: no\r\n";
  EXPECT_EQ(out.front(), "\x80\0\0\0"s + static_cast<char>(lines.size()) + lines);
}

TEST(GrpcWeb, TrailersOfMoreThanAChunk) {
  const std::string value(kChunkSize * 2, 'v');
  std::array<Field, 1> room;
  HeaderMap trailers{std::span(room)};
  trailers.add("a", value);
  ByteQueue out;
  append_grpc_web_trailers(trailers, out);
  EXPECT_EQ(out.size(), 5 + 1 + 2 + value.size() + 2);
  EXPECT_EQ(out.front().substr(0, 8), "\x80\0\0\x80\x05"s + "a: ");
}

}  // namespace
}  // namespace pingap::http
