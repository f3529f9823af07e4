#include <string>

#include <gtest/gtest.h>

#include "http/h1/parser.h"

namespace pingap::http::h1 {
namespace {

using Verdict = HeadScanner::Verdict;
constexpr size_t kMax = 32 * 1024;

// The sizes at which bytes that come one by one are worth a look.
std::string verdicts(std::string_view bytes, size_t max = kMax) {
  HeadScanner scanner;
  std::string text;
  for (size_t size = 1; size <= bytes.size(); ++size) {
    if (scanner.scan(bytes.substr(0, size), max) == Verdict::parse) {
      text += std::to_string(size) + " ";
    }
  }
  return text;
}

TEST(HeadScanner, WaitsForTheEndOfTheFirstLineAndOfTheHead) {
  EXPECT_EQ(verdicts("GET / HTTP/1.1\r\nA: b\r\nC: d\r\n\r\n"), "16 30 ");
  EXPECT_EQ(verdicts("\r\n\r\nGET / HTTP/1.1\r\nA: b\r\n\r\n"), "2 4 20 28 ");
}

TEST(HeadScanner, SaysParseAtAByteThatNoHeadMayHave) {
  EXPECT_EQ(verdicts(std::string_view("GE\0", 3)), "3 ");
  EXPECT_EQ(verdicts("GET\n"), "4 ");
  EXPECT_EQ(verdicts("GET\rX"), "5 ");
  EXPECT_EQ(verdicts("G\r\nA: \x7f"), "3 7 ");
  EXPECT_EQ(verdicts("G\r\nA:\tb\xff"), "3 ");
}

TEST(HeadScanner, SaysParseWhenTheLimitIsReached) {
  EXPECT_EQ(verdicts("GET /aaa", 7), "7 8 ");
}

TEST(HeadScanner, FindsTheWholeHeadAtOnce) {
  HeadScanner scanner;
  EXPECT_EQ(scanner.scan("GET / HTTP/1.1\r\nA: b\r\n\r\n", kMax), Verdict::parse);
  scanner.reset();
  EXPECT_EQ(scanner.scan("GET / HTT", kMax), Verdict::wait);
}

// RL-36: a head that comes byte by byte is parsed as often as one that comes in two pieces.
TEST(HeadScanner, AsksForFewParsesHoweverLongTheHead) {
  std::string head = "GET / HTTP/1.1\r\n";
  for (int i = 0; i < 1000; ++i) {
    head += "X: yyyyyyyy\r\n";
  }
  EXPECT_EQ(verdicts(head + "\r\n"), "16 " + std::to_string(head.size() + 2) + " ");
}

}  // namespace
}  // namespace pingap::http::h1
