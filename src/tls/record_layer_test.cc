#include "tls/record_layer.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tls/test_records.h"

namespace pingap::tls {
namespace {

using Got = RecordLayer::Got;

// ---- RFC 8448, 3: "Simple 1-RTT Handshake"

constexpr std::string_view kClient =
    "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5";
constexpr std::string_view kServer =
    "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643";
constexpr std::string_view kFromClient =
    "1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a9a20"
    "441e2b62974e1f5a6292a2977014bd1e3deae63aeebb21694915e4";
constexpr std::string_view kFromServer =
    "17030300432e937e11ef4ac740e538ad36005fc4a46932fc3225d05f82aa1b36e30efaf97d90e6dffc602dcb50"
    "1a59a8fcc49c4bf2e5f0a21c0047c2abf332540dd032e167c2955d";

std::string of_hex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

TEST(RecordLayer, DoesAsRfc8448Shows) {
  // The server had sent a ticket before.
  RecordLayer layer(*find_suite(0x1301), *TrafficSecret::parse(kClient),
                    *TrafficSecret::parse(kServer), 1);
  ASSERT_TRUE(layer.good());
  std::string content;
  for (char i = 0; i < 50; ++i) {
    content += i;
  }
  EXPECT_EQ(opened(layer, of_hex(kFromClient)), content);
  EXPECT_EQ(sealed(layer, content), of_hex(kFromServer));
}

// ---- each suite

class Records : public testing::TestWithParam<uint16_t> {
 protected:
  RecordPeer peer_{GetParam()};
  RecordLayer layer_ = peer_.server();
};

TEST_P(Records, CarryBytesBothWays) {
  for (int round = 0; round < 3; ++round) {
    for (const size_t size : {size_t{1}, size_t{2}, size_t{1000}, RecordLayer::kMaxPlain}) {
      const std::string text(size, static_cast<char>('a' + round));
      EXPECT_EQ(opened(layer_, peer_.record(RecordPeer::kData, text)), text);
      EXPECT_EQ(opened(layer_, peer_.record(RecordPeer::kData, text.substr(1), 1)), text.substr(1));
      EXPECT_EQ(peer_.open(sealed(layer_, text)), text + '\x17');
    }
  }
}

TEST_P(Records, AreMadeOfSlices) {
  std::string one = "one ";
  std::string two = "two";
  const std::vector<iovec> parts = {{one.data(), one.size()}, {two.data(), two.size()}};
  std::string record(one.size() + two.size() + RecordLayer::kOverhead, '\0');
  EXPECT_EQ(layer_.seal(parts, record.data()), record.data() + record.size());
  EXPECT_EQ(peer_.open(record), "one two\x17");
}

TEST_P(Records, AreOpenedWhereTheyAre) {
  std::string record = peer_.record(RecordPeer::kData, "in place");
  char* const to = record.data() + RecordLayer::kHeader;
  EXPECT_EQ(layer_.open(record, to).bytes, 8U);
  EXPECT_EQ(std::string_view(to, 8), "in place");
}

TEST_P(Records, GoOnWithNewKeysWhenThePeerHasSome) {
  const std::string old = peer_.record(RecordPeer::kData, "old");
  peer_ = RecordPeer(GetParam());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(opened(layer_, peer_.update(false)), "");
    EXPECT_FALSE(layer_.update_due()) << "it did not ask";
    EXPECT_EQ(opened(layer_, peer_.record(RecordPeer::kData, "new")), "new");
  }
  EXPECT_EQ(opened(layer_, old), "failed");
}

TEST_P(Records, AnswerAPeerThatAsksForNewKeys) {
  EXPECT_EQ(opened(layer_, peer_.update(true)), "");
  EXPECT_EQ(opened(layer_, peer_.update(true)), "");
  EXPECT_TRUE(layer_.update_due());
  std::string record(RecordLayer::kSmallRecord, '\0');
  ASSERT_EQ(layer_.seal_update(record.data()), record.data() + record.size());
  EXPECT_FALSE(layer_.update_due()) << "one answer is enough";
  EXPECT_EQ(peer_.open(record), RecordPeer::key_update(false) + '\x16');
  peer_.expect_new_keys();
  EXPECT_EQ(peer_.open(sealed(layer_, "new")), "new\x17");
}

INSTANTIATE_TEST_SUITE_P(Suites, Records, testing::Values(0x1301, 0x1302, 0x1303));

// ---- what a peer must not do

class BadRecords : public testing::Test {
 protected:
  // The alert that says it.
  void expect_refused(const std::string& record, int alert) {
    EXPECT_EQ(opened(layer_, record), "failed");
    std::string answer(RecordLayer::kSmallRecord, '\0');
    answer.resize(static_cast<size_t>(layer_.seal_alert(answer.data()) - answer.data()));
    EXPECT_EQ(peer_.open(answer), (std::string{2, static_cast<char>(alert), RecordPeer::kAlert}));
  }

  RecordPeer peer_{0x1301};
  RecordLayer layer_ = peer_.server();
};

constexpr int kUnexpectedMessage = 10;
constexpr int kBadRecordMac = 20;
constexpr int kRecordOverflow = 22;

TEST_F(BadRecords, AnyBitThatIsChanged) {
  for (size_t at = RecordLayer::kHeader; at < 40; ++at) {
    peer_ = RecordPeer(0x1301);
    RecordLayer layer = peer_.server();
    std::string record = peer_.record(RecordPeer::kData, "eighteen characters");
    ASSERT_GE(record.size(), 40U);
    record[at] = static_cast<char>(record[at] ^ 1);
    EXPECT_EQ(opened(layer, record), "failed");
  }
}

TEST_F(BadRecords, AgainOrInAnotherOrder) {
  const std::string first = peer_.record(RecordPeer::kData, "first");
  EXPECT_EQ(opened(layer_, first), "first");
  expect_refused(first, kBadRecordMac);
}

TEST_F(BadRecords, OneThatIsMissing) {
  peer_.record(RecordPeer::kData, "first");
  expect_refused(peer_.record(RecordPeer::kData, "second"), kBadRecordMac);
}

TEST_F(BadRecords, CutToNothing) {
  for (size_t behind = 0; behind <= TrafficKeys::kTag; ++behind) {
    RecordLayer layer = peer_.server();
    const std::string record =
        std::string("\x17\x03\x03\0", 4) + static_cast<char>(behind) + std::string(behind, 'x');
    EXPECT_EQ(opened(layer, record), "failed") << behind;
  }
}

TEST_F(BadRecords, InTheClear) {
  for (const char type : {'\x14', '\x15', '\x16', '\x18', '\0', 'G'}) {
    expect_refused(std::string{type, 3, 3, 0, 2, 1, 0}, kUnexpectedMessage);
    EXPECT_EQ(RecordLayer::size_of(std::string{type, 3, 3, 0x40, 0}), RecordLayer::kHeader)
        << "it is told by its header";
    peer_ = RecordPeer(0x1301);
    layer_ = peer_.server();
  }
}

TEST_F(BadRecords, LongerThanThereMayBe) {
  const std::string header("\x17\x03\x03\x41\x01", 5);
  EXPECT_EQ(RecordLayer::size_of(header), RecordLayer::kHeader) << "it is told by its header";
  expect_refused(header, kRecordOverflow);
}

TEST_F(BadRecords, MoreContentThanThereMayBe) {
  const std::string most(RecordLayer::kMaxPlain, 'x');
  EXPECT_EQ(opened(layer_, peer_.record(RecordPeer::kData, most, 200)), most);
  expect_refused(peer_.record(RecordPeer::kData, most + 'x'), kRecordOverflow);
}

TEST_F(BadRecords, NothingButZeros) {
  expect_refused(peer_.record(0, std::string(20, '\0')), kUnexpectedMessage);
}

TEST_F(BadRecords, OfAnotherType) {
  expect_refused(peer_.record(20, "\x01"), kUnexpectedMessage);
}

TEST_F(BadRecords, Alerts) {
  expect_refused(peer_.record(RecordPeer::kAlert, "x"), 50);
}

TEST_F(BadRecords, OtherMessagesOfTheHandshake) {
  expect_refused(peer_.record(RecordPeer::kHandshake, std::string("\x01\0\0\1\0", 5)),
                 kUnexpectedMessage);
}

TEST_F(BadRecords, EmptyPartsOfTheHandshake) {
  expect_refused(peer_.record(RecordPeer::kHandshake, ""), kUnexpectedMessage);
}

TEST_F(BadRecords, SomethingBehindNewKeys) {
  expect_refused(peer_.record(RecordPeer::kHandshake, RecordPeer::key_update(false) + "\x18"),
                 kUnexpectedMessage);
}

TEST_F(BadRecords, DataInTheMiddleOfAMessage) {
  EXPECT_EQ(opened(layer_, peer_.record(RecordPeer::kHandshake, std::string("\x18\0", 2))), "");
  expect_refused(peer_.record(RecordPeer::kData, "x"), kUnexpectedMessage);
}

TEST_F(BadRecords, NewKeysOfAnUnknownKind) {
  expect_refused(peer_.record(RecordPeer::kHandshake, std::string("\x18\0\0\1\2", 5)), 47);
}

TEST_F(BadRecords, NewKeysOfAnotherLength) {
  expect_refused(peer_.record(RecordPeer::kHandshake, std::string("\x18\0\0\2\0", 5)), 50);
}

TEST_F(BadRecords, ManyWithoutData) {
  for (int i = 0; i < RecordLayer::kMaxIdle; ++i) {
    EXPECT_EQ(opened(layer_, peer_.record(RecordPeer::kData, "")), "");
  }
  // A byte now and then is no licence for as many again.
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(opened(layer_, peer_.record(RecordPeer::kData, "x")), "x");
    EXPECT_EQ(opened(layer_, peer_.update(true)), "");
  }
  expect_refused(peer_.update(true), kUnexpectedMessage);
}

// ---- in order

using GoodRecords = BadRecords;

TEST_F(GoodRecords, KeyUpdateMayComeInPieces) {
  for (const char byte : RecordPeer::key_update(true)) {
    EXPECT_EQ(opened(layer_, peer_.record(RecordPeer::kHandshake, {&byte, 1})), "");
  }
  EXPECT_TRUE(layer_.update_due());
  peer_.use_new_keys();
  EXPECT_EQ(opened(layer_, peer_.record(RecordPeer::kData, "new")), "new");
}

TEST_F(GoodRecords, EndIsTold) {
  EXPECT_EQ(opened(layer_, peer_.record(RecordPeer::kAlert, "\x01\x5a")), "") << "user_canceled";
  EXPECT_EQ(opened(layer_, peer_.record(RecordPeer::kAlert, std::string("\x01\0", 2))), "closed");
  std::string record(RecordLayer::kSmallRecord, '\0');
  record.resize(static_cast<size_t>(layer_.seal_goodbye(record.data()) - record.data()));
  EXPECT_EQ(peer_.open(record), std::string("\x01\0\x15", 3));
}

TEST_F(GoodRecords, AlertOfThePeerIsNotAnswered) {
  EXPECT_EQ(opened(layer_, peer_.record(RecordPeer::kAlert, "\x02\x28")), "failed");
  std::string record(RecordLayer::kSmallRecord, '\0');
  EXPECT_EQ(layer_.seal_alert(record.data()), record.data());
}

TEST_F(GoodRecords, KeysThatAreUsedUpAreReplaced) {
  EXPECT_FALSE(peer_.server(RecordLayer::kMaxRecords - 1).update_due());
  EXPECT_TRUE(peer_.server(RecordLayer::kMaxRecords).update_due());
}

TEST_F(GoodRecords, SizeIsToldByFiveBytes) {
  const std::string record = peer_.record(RecordPeer::kData, "some");
  for (size_t size = 0; size < RecordLayer::kHeader; ++size) {
    EXPECT_EQ(RecordLayer::size_of({record.data(), size}), 0U);
  }
  EXPECT_EQ(RecordLayer::size_of({record.data(), RecordLayer::kHeader}), record.size());
}

TEST(TrafficSecret, IsReadFromHex) {
  EXPECT_FALSE(TrafficSecret::parse("").has_value());
  EXPECT_FALSE(TrafficSecret::parse("abc").has_value());
  EXPECT_FALSE(TrafficSecret::parse("0g").has_value());
  EXPECT_FALSE(TrafficSecret::parse(std::string(98, 'a')).has_value());
  EXPECT_TRUE(TrafficSecret::parse(std::string(96, 'a')).has_value());
}

}  // namespace
}  // namespace pingap::tls
