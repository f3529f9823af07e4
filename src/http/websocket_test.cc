#include "http/websocket.h"

#include <string>

#include <gtest/gtest.h>

namespace pingap::http {
namespace {

std::string accept_for(std::string_view key) {
  const auto accept = websocket_accept_for(key);
  return accept ? std::string(accept->data(), accept->size()) : "none";
}

TEST(WebSocket, AnswersTheKeyOfTheRfc) {
  EXPECT_EQ(accept_for("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_EQ(accept_for("x3JJHMbDL1EzLkh9GBhXDw=="), "HSmrc0sMlYUkAGmm5OPpG2HaGWk=");
}

TEST(WebSocket, TakesTheRightAnswerOnly) {
  const std::string_view key = "dGhlIHNhbXBsZSBub25jZQ==";
  EXPECT_TRUE(websocket_accepts(key, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
  EXPECT_FALSE(websocket_accepts(key, "s3pPLMBiTxaQ9kYGzzhZRbK+xOO="));
  EXPECT_FALSE(websocket_accepts(key, "S3PPLMBITXAQ9KYGZZHZRBK+XOO="));
  EXPECT_FALSE(websocket_accepts(key, ""));
  EXPECT_FALSE(websocket_accepts(key, key));
  EXPECT_FALSE(websocket_accepts("", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
}

TEST(WebSocket, HasNoAnswerToAGiantKey) {
  EXPECT_FALSE(websocket_accept_for(std::string(65, 'a')));
  EXPECT_TRUE(websocket_accept_for(std::string(64, 'a')));
}

}  // namespace
}  // namespace pingap::http
