#include "proxy/asked_lines.h"

#include <gtest/gtest.h>

namespace pingap::proxy {
namespace {

using http::Field;
using http::HeaderId;

TEST(AskedLines, AreFieldsInOneRunOfLines) {
  const AskedLines lines("https", 65535);
  ASSERT_EQ(lines.fields().size(), 2);
  const Field& proto = lines.fields()[0];
  const Field& port = lines.fields()[1];
  EXPECT_EQ(proto.id, HeaderId::x_forwarded_proto);
  EXPECT_EQ(proto.value(), "https");
  EXPECT_EQ(port.id, HeaderId::x_forwarded_port);
  EXPECT_EQ(port.value(), "65535");
  EXPECT_EQ(proto.flags, Field::kCanonical);
  EXPECT_EQ(port.flags, Field::kCanonical);
  const std::string_view text(proto.name_data, 51);
  EXPECT_EQ(text, "X-Forwarded-Proto: https\r\nX-Forwarded-Port: 65535\r\n");
  EXPECT_EQ(port.name_data, text.data() + 26);
}

TEST(AskedLines, NameNoPortOfAUnixSocket) {
  const AskedLines lines("http", 0);
  ASSERT_EQ(lines.fields().size(), 1);
  EXPECT_EQ(lines.fields()[0].value(), "http");
}

}  // namespace
}  // namespace pingap::proxy
