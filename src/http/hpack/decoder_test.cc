#include "http/hpack/decoder.h"

#include <string>

#include <gtest/gtest.h>

#include "http/hpack/literals.h"
#include "http/hpack/test_hpack.h"

namespace pingap::http::hpack {
namespace {

using Outcome = Decoder::Outcome;

class Decoding : public testing::Test {
 protected:
  Outcome decode(std::string_view block, size_t most = SIZE_MAX) {
    keeper = {};
    keeper.most = most;
    return decoder.decode(block, keeper.take());
  }

  void expect(std::string_view hex, const Fields& fields, size_t table) {
    EXPECT_EQ(decode(unhex(hex)), Outcome::done);
    EXPECT_EQ(keeper.fields, fields);
    EXPECT_EQ(decoder.table().size(), table);
  }

  void expect_broken(std::string_view block) {
    EXPECT_EQ(decode(block), Outcome::broken) << ::testing::PrintToString(block);
  }

  Decoder decoder{4096};
  Keeper keeper;
};

// ---- RFC 7541 appendix C

TEST_F(Decoding, LiteralsOfTheRfc) {  // C.2
  expect("400a637573746f6d2d6b65790d637573746f6d2d686561646572", {{"custom-key", "custom-header"}},
         55);
  expect("040c2f73616d706c652f70617468", {{":path", "/sample/path"}}, 55);
  expect("100870617373776f726406736563726574", {{"password", "secret"}}, 55);
  expect("82", {{":method", "GET"}}, 55);
}

const Fields kGet = {
    {":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "www.example.com"}};

TEST_F(Decoding, RequestsOfTheRfc) {  // C.3
  Fields second = kGet;
  second.emplace_back("cache-control", "no-cache");
  const Fields third = {{":method", "GET"},
                        {":scheme", "https"},
                        {":path", "/index.html"},
                        {":authority", "www.example.com"},
                        {"custom-key", "custom-value"}};
  expect("828684410f7777772e6578616d706c652e636f6d", kGet, 57);
  expect("828684be58086e6f2d6361636865", second, 110);
  expect("828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565", third, 164);
}

TEST_F(Decoding, RequestsOfTheRfcInHuffmansCode) {  // C.4
  Fields second = kGet;
  second.emplace_back("cache-control", "no-cache");
  const Fields third = {{":method", "GET"},
                        {":scheme", "https"},
                        {":path", "/index.html"},
                        {":authority", "www.example.com"},
                        {"custom-key", "custom-value"}};
  expect("828684418cf1e3c2e5f23a6ba0ab90f4ff", kGet, 57);
  expect("828684be5886a8eb10649cbf", second, 110);
  expect("828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf", third, 164);
}

TEST_F(Decoding, ResponsesOfTheRfcThrowOldOnesOut) {  // C.6
  decoder = Decoder(256);
  const Fields first = {{":status", "302"},
                        {"cache-control", "private"},
                        {"date", "Mon, 21 Oct 2013 20:13:21 GMT"},
                        {"location", "https://www.example.com"}};
  Fields second = first;
  second[0].second = "307";
  const Fields third = {{":status", "200"},
                        {"cache-control", "private"},
                        {"date", "Mon, 21 Oct 2013 20:13:22 GMT"},
                        {"location", "https://www.example.com"},
                        {"content-encoding", "gzip"},
                        {"set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"}};
  expect(
      "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b"
      "97c8e9ae82ae43d3",
      first, 222);
  expect("4883640effc1c0bf", second, 222);
  expect(
      "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdf"
      "cd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
      third, 215);
}

// ---- what is no header block

TEST_F(Decoding, IndexOfNothingIsBroken) {
  expect_broken("\x80");
  expect_broken("\xbe");                    // 62, and the dynamic table is empty
  expect_broken("\xff\x49");                // 200
  expect_broken(std::string("\x7e\0", 2));  // the name of 62
  expect_broken(std::string(12, '\xff') + "\x01");
}

TEST_F(Decoding, WhatEndsTooEarlyIsBroken) {
  for (const std::string_view hex :
       {"400a637573746f6d2d6b65790d637573746f6d2d686561646572",
        "408825a849e95ba97d7f8925a849e95bb8e8b4bf", "ff80808001", "3fe11f82", "100870617373"}) {
    const std::string block = unhex(hex);
    for (size_t size = 1; size < block.size(); ++size) {
      decoder = Decoder(4096);
      const Outcome outcome = decode(std::string_view(block).substr(0, size));
      EXPECT_TRUE(outcome == Outcome::broken || (hex.starts_with("3fe11f") && size == 3)) << size;
    }
  }
}

TEST_F(Decoding, HuffmanThatIsNoneIsBroken) {
  expect_broken(std::string("\0\x01x\x84\xff\xff\xff\xff", 8));
  expect_broken(std::string("\0\x81\x1e\x01x", 5));
}

TEST_F(Decoding, TableSizeChangesInFrontOnly) {
  expect("20", {}, 0);
  expect("203fe11f82", {{":method", "GET"}}, 0);
  expect_broken("\x82\x20");
  expect_broken(unhex("3fe21f"));  // 4097
}

TEST_F(Decoding, SmallerTableForgets) {
  expect("4001610131", {{"a", "1"}}, 34);
  expect("20", {}, 0);
  EXPECT_EQ(decode("\xbe"), Outcome::broken);
}

// ---- literals that come again

// Twice a literal of one byte `first`, whose name is new; what is kept of it.
class Again : public Decoding {
 protected:
  void expect_kept(char first, const std::string& text, bool kept) {
    const std::string name = huffman_of("x-" + text);
    const std::string value = huffman_of(text);
    const std::string block = std::string(1, first) + coded(name) + coded(value);
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(decode(block), Outcome::done);
      EXPECT_EQ(keeper.fields, (Fields{{"x-" + text, text}}));
      EXPECT_TRUE(keeper.well_formed);
    }
    EXPECT_EQ(Literals::of_thread().knows(name), kept);
    EXPECT_EQ(Literals::of_thread().knows(value), kept);
  }

  static std::string coded(const std::string& text) {
    return static_cast<char>(0x80 | text.size()) + text;
  }
};

TEST_F(Again, OneWithoutIndexingIsKept) {
  expect_kept('\0', "without-indexing", true);
}

TEST_F(Again, OneThatIsNeverIndexedIsNotKept) {
  expect_kept('\x10', "never-indexed", false);
}

TEST_F(Again, CredentialIsNotKept) {
  for (const std::string name : {"cookie", "set-cookie", "authorization", "proxy-authorization"}) {
    const std::string value = huffman_of("of " + name);
    EXPECT_EQ(decode(std::string(1, '\0') + coded(huffman_of(name)) + coded(value)), Outcome::done);
    EXPECT_FALSE(Literals::of_thread().knows(value)) << name;
  }
}

TEST_F(Again, OneForTheTableIsKeptWhereThatHasNoRoom) {
  expect_kept('\x40', "in-the-table", false);
  EXPECT_EQ(decode("\x20"), Outcome::done);
  expect_kept('\x40', "in-no-table", true);
}

TEST_F(Again, LongOneIsNotKept) {
  expect_kept('\0', std::string(100, 'a'), false);
}

TEST_F(Again, WhatWasFoundOutOfItIsKept) {
  const std::string block = std::string(1, '\0') + coded(huffman_of("vary")) +
                            coded(huffman_of(" odd")) + std::string(1, '\0') +
                            coded(huffman_of("Vary")) + coded(huffman_of("plain"));
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(decode(block), Outcome::done);
    EXPECT_EQ(keeper.fields, (Fields{{"vary", " odd"}, {"Vary", "plain"}}));
    EXPECT_EQ(keeper.last.id, HeaderId::vary);
    EXPECT_FALSE(keeper.last.well_formed);
    EXPECT_FALSE(keeper.well_formed);
  }
}

// Of more literals than there are places, those of a block and those that were kept in between.
TEST_F(Again, AreReadAsTheyWereWritten) {
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 1000; ++i) {
      const std::string name = "n" + std::to_string(i);
      const std::string value = "value of " + std::to_string(i * 7);
      ASSERT_EQ(decode(std::string(1, '\0') + coded(huffman_of(name)) + coded(huffman_of(value))),
                Outcome::done);
      ASSERT_EQ(keeper.fields, (Fields{{name, value}}));
    }
  }
}

// ---- what is told of fields

TEST_F(Decoding, FieldsThatMayNotBeAreTold) {
  const Fields bad = {{"X", "1"},    {"x", " a"}, {"x", "a "},  {":", "1"},
                      {":odd", "1"}, {"", "1"},   {"x", "a\nb"}};
  for (const auto& [name, value] : bad) {
    const std::string block = std::string(1, '\0') + static_cast<char>(name.size()) + name +
                              static_cast<char>(value.size()) + value;
    ASSERT_EQ(decode(block), Outcome::done);
    EXPECT_FALSE(keeper.well_formed) << name << ": " << value;
  }
}

TEST_F(Decoding, FieldsOfTheTableAreToldAsTheyWere) {
  EXPECT_EQ(decode(std::string("\x40\x01X\x01y", 5)), Outcome::done);
  EXPECT_EQ(decode("\xbe"), Outcome::done);
  EXPECT_FALSE(keeper.well_formed) << "a bad name";
  EXPECT_EQ(decode(std::string("\x40\x01x\x01\n", 5)), Outcome::done);
  EXPECT_EQ(decode("\xbe"), Outcome::done);
  EXPECT_FALSE(keeper.well_formed) << "a bad value";
  EXPECT_EQ(decode(std::string("\x7e\x01y", 3)), Outcome::done);
  EXPECT_TRUE(keeper.well_formed) << "the same name with a good one";
}

TEST_F(Decoding, NamesAreKnown) {
  EXPECT_EQ(decode(std::string("\x00\x04vary\x01x", 8)), Outcome::done);
  EXPECT_EQ(keeper.last.id, HeaderId::vary);
  EXPECT_EQ(decode("\x84"), Outcome::done);
  EXPECT_EQ(keeper.last.pseudo, Pseudo::path);
}

TEST_F(Decoding, StopsWhereNoMoreIsWanted) {
  EXPECT_EQ(decode("\x82\x86\x84", 2), Outcome::stopped);
  EXPECT_EQ(keeper.fields.size(), 2U);
}

}  // namespace
}  // namespace pingap::http::hpack
