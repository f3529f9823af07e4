#include "upstream/discovery/dns_message.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace pingap::upstream {
namespace {

using Bytes = std::vector<uint8_t>;
using std::chrono::seconds;

void add16(Bytes& to, unsigned value) {
  to.push_back(static_cast<uint8_t>(value >> 8));
  to.push_back(static_cast<uint8_t>(value));
}

void add_bytes(Bytes& to, const Bytes& more) {
  to.insert(to.end(), more.begin(), more.end());
}

const Bytes kName = {1, 'a', 4, 't', 'e', 's', 't', 0};
const Bytes kPointer = {0xc0, 12};

struct Record {
  Bytes name;
  uint32_t ttl;
  Bytes data;
};

Bytes message(const std::vector<Record>& records) {
  Bytes out;
  add16(out, 1);
  add16(out, 0x8180);
  add16(out, 1);
  add16(out, static_cast<unsigned>(records.size()));
  add16(out, 0);
  add16(out, 0);
  add_bytes(out, kName);
  add16(out, 33);
  add16(out, 1);
  for (const Record& record : records) {
    add_bytes(out, record.name);
    add16(out, 33);
    add16(out, 1);
    add16(out, record.ttl >> 16);
    add16(out, record.ttl & 0xffff);
    add16(out, static_cast<unsigned>(record.data.size()));
    add_bytes(out, record.data);
  }
  return out;
}

TEST(DnsMessage, TheLeastTimeCounts) {
  EXPECT_EQ(least_ttl(message({{kPointer, 60, {1, 2, 3}}, {kName, 5, {}}, {kPointer, 70, {9}}})),
            seconds(5));
}

TEST(DnsMessage, ATimeWithItsHighestBitIsZero) {
  EXPECT_EQ(least_ttl(message({{kPointer, 0x80000000U, {}}})), seconds(0));
  EXPECT_EQ(least_ttl(message({{kPointer, 0x7fffffffU, {}}})), seconds(0x7fffffff));
}

TEST(DnsMessage, WithoutAnswersThereIsNone) {
  EXPECT_EQ(least_ttl(message({})), std::nullopt);
  EXPECT_EQ(least_ttl({}), std::nullopt);
}

TEST(DnsMessage, EveryCutIsNone) {
  const Bytes whole = message({{kPointer, 60, {1, 2, 3}}, {kName, 5, {4, 5}}});
  for (size_t size = 0; size < whole.size(); ++size) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(least_ttl(cut), std::nullopt) << size;
  }
}

TEST(DnsMessage, APointerToItselfIsNotFollowed) {
  const Bytes bytes = message({{{0xc0, 26}, 60, {}}});
  EXPECT_EQ(least_ttl(bytes), seconds(60));
}

TEST(DnsMessage, ANameOfMoreThan255BytesIsNone) {
  Bytes name;
  for (int i = 0; i < 130; ++i) {
    add_bytes(name, {1, 'a'});
  }
  name.push_back(0);
  EXPECT_EQ(least_ttl(message({{name, 60, {}}})), std::nullopt);
}

TEST(DnsMessage, AnUnknownKindOfLabelIsNone) {
  EXPECT_EQ(least_ttl(message({{{0x41, 'a', 0}, 60, {}}})), std::nullopt);
}

}  // namespace
}  // namespace pingap::upstream
