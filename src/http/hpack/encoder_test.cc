#include "http/hpack/encoder.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "http/hpack/test_hpack.h"

namespace pingap::http::hpack {
namespace {

class Encoding : public testing::Test {
 protected:
  std::string write(const Fields& fields) {
    size_t room = Encoder::kBeginRoom;
    for (const auto& [name, value] : fields) {
      room += Encoder::room_for(name, value);
    }
    std::string out(room, '\0');
    char* to = encoder.begin(out.data());
    for (const auto& [name, value] : fields) {
      char* const begin = to;
      to = encoder.write(to, identify(name), value);
      EXPECT_LE(static_cast<size_t>(to - begin), Encoder::room_for(name, value));
    }
    out.resize(static_cast<size_t>(to - out.data()));
    return out;
  }

  // What nghttp2 makes of it.
  Fields read(std::string_view block) {
    Fields fields;
    EXPECT_TRUE(inflater.read(block, fields));
    return fields;
  }

  void expect_kept(const std::string& name, const std::string& value, bool kept) {
    write({{name, value}});
    const bool is = write({{name, value}}).size() == 1;
    EXPECT_EQ(is, kept) << name << ": " << value;
  }

  Encoder encoder{4096};
  Inflater inflater;
};

TEST_F(Encoding, StaticEntriesAreOneByte) {
  EXPECT_EQ(write({{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {":status", "404"}}),
            "\x82\x87\x84\x8d");
  EXPECT_EQ(encoder.table().count(), 0U);
}

TEST_F(Encoding, WhatComesAgainIsOneByte) {
  const Fields fields = {{":authority", "a.test"}, {"server", "x"}, {"x-odd", "1"}};
  EXPECT_EQ(read(write(fields)), fields);
  const std::string again = write(fields);
  EXPECT_EQ(again, "\xc0\xbf\xbe");
  EXPECT_EQ(read(again), fields);
}

TEST_F(Encoding, NamesBecomeLowerCase) {
  EXPECT_EQ(read(write({{"Server", "A"}, {"X-Odd", "B"}})),
            (Fields{{"server", "A"}, {"x-odd", "B"}}));
  EXPECT_EQ(write({{"x-odd", "B"}}).size(), 1U);
}

TEST_F(Encoding, SecretsAreInNoTable) {  // security.md H2-94
  expect_kept("x-plain", "not a secret", true);
  expect_kept("cookie", "a-long-cookie=with-much-to-guess", true);
  expect_kept("cookie", "a=1", false);
  expect_kept("authorization", "Bearer x", false);
  expect_kept("set-cookie", "id=secret-of-one", false);
  expect_kept("x-api-key", "1234", false);
  expect_kept("X-Auth-Token", "1234", false);
  const std::string block = write({{"authorization", "Bearer x"}, {"x-api-key", "1"}});
  EXPECT_EQ(block[0] & 0xf0, 0x10) << "never indexed";
  EXPECT_EQ(read(block), (Fields{{"authorization", "Bearer x"}, {"x-api-key", "1"}}));
}

TEST_F(Encoding, WhatHardlyComesAgainThrowsNothingOut) {
  for (const char* name : {":path", "content-length", "etag", "last-modified", "x-request-id"}) {
    expect_kept(name, "1234", false);
  }
  expect_kept("x-large", std::string(3000, 'x'), false);
  EXPECT_EQ(encoder.table().count(), 0U);
}

TEST_F(Encoding, LongNamesAndValuesArrive) {
  const Fields fields = {{std::string(256, 'a'), "1"},
                         {std::string(257, 'a'), "2"},
                         {std::string(40'000, 'b'), std::string(40'000, 'c')},
                         {"", ""}};
  EXPECT_EQ(read(write(fields)), fields);
}

TEST_F(Encoding, ChangeOfTheTableIsTold) {
  read(write({{"x-odd", "1"}}));
  inflater.resize(0);
  encoder.set_limit(0);
  EXPECT_EQ(read(write({{"x-odd", "1"}})), (Fields{{"x-odd", "1"}}));
  EXPECT_EQ(encoder.table().count(), 0U);
  inflater.resize(100);
  encoder.set_limit(100);
  read(write({{"x", "1"}}));
  EXPECT_EQ(write({{"x", "1"}}), "\xbe");
}

TEST_F(Encoding, TableThatWasSmallInBetweenIsEmpty) {  // RFC 7541 4.2
  read(write({{"x-odd", "1"}}));
  encoder.set_limit(0);
  encoder.set_limit(100);
  encoder.set_limit(4096);
  const std::string block = write({{"x-odd", "1"}});
  EXPECT_EQ(block.substr(0, 4), unhex("203fe11f"));
  EXPECT_EQ(read(block), (Fields{{"x-odd", "1"}}));
}

TEST_F(Encoding, TableIsNoLargerThanWeWant) {
  encoder.set_limit(1 << 20);
  EXPECT_EQ(encoder.table().capacity(), 4096U);
  EXPECT_EQ(write({{":method", "GET"}}), "\x82");
}

TEST(Encoder, OneThatWantsNoTableSaysSo) {
  Encoder encoder(0);
  std::string out(Encoder::kBeginRoom, '\0');
  EXPECT_EQ(encoder.begin(out.data()), out.data() + 1);
  EXPECT_EQ(out[0], '\x20');
  EXPECT_EQ(encoder.begin(out.data()), out.data());
}

}  // namespace
}  // namespace pingap::http::hpack
