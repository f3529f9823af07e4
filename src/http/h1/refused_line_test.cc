#include "http/h1/refused_line.h"

#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "http/h1/scan.h"
#include "http/limits.h"

namespace pingap::http::h1 {
namespace {

struct Case {
  std::string_view head;
  std::string_view method;
  std::string_view target;
  Version version = Version::unknown;
};

void check(const Case& c) {
  const RefusedLine read = read_refused_line(c.head);
  EXPECT_EQ(read.method, c.method) << c.head;
  EXPECT_EQ(read.target, c.target) << c.head;
  EXPECT_EQ(read.version, c.version) << c.head;
  EXPECT_NE(read.method.data(), nullptr) << "copied as it is";
  EXPECT_NE(read.target.data(), nullptr) << "copied as it is";
}

TEST(RefusedLine, IsReadAsFarAsItHasCome) {
  constexpr Case kCases[] = {
      {"GET /x?a=1 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "GET", "/x?a=1", Version::http11},
      {"GET /x HTTP/1.0\r\n", "GET", "/x", Version::http10},
      {"GET /x HTTP/1.1\nHost: a\n\n", "GET", "/x", Version::http11},
      {"\r\n\r\n\r\nGET /x HTTP/1.1\r\n", "GET", "/x", Version::http11},
      {"GET /x HTTP/2.0\r\n", "GET", "/x"},
      {"GET /x HTTP/1.1 \r\n", "GET", "/x"},
      {"GET /x\r\nHost: a", "GET", "/x"},
      {"GET /x", "GET", "/x"},
      {"GET ", "GET", ""},
      {"GE", "GE", ""},
      {"", "", ""},
      {"\r\n", "", ""},
  };
  for (const Case& c : kCases) {
    check(c);
  }
}

TEST(RefusedLine, KeepsOddBytesOfTheTarget) {
  check({std::string_view("GET /\x1b[31m\"\\\0\xff HTTP/1.1\r\n", 24), "GET",
         std::string_view("/\x1b[31m\"\\\0\xff", 10), Version::http11});
}

TEST(RefusedLine, ShowsNothingOfWhatIsNoRequestLine) {
  constexpr Case kCases[] = {
      {"password=hunter2&x=1", "password", ""},
      {"Authorization: Basic dTpw\r\n", "Authorization", ""},
      {"GET\t/x HTTP/1.1\r\n", "GET", ""},
      {" GET /x HTTP/1.1\r\n", "", ""},
      {"GET  /x HTTP/1.1\r\n", "GET", ""},
      {"\x16\x03\x01\x02 secret", "", ""},
  };
  for (const Case& c : kCases) {
    check(c);
  }
}

TEST(RefusedLine, ShowsNoUserAndNoPassword) {
  constexpr Case kCases[] = {
      {"GET http://bob:pw@a.test/x?y@z HTTP/1.1\r\n", "GET", "a.test/x?y@z", Version::http11},
      {"GET http://bob:p@w@a.test HTTP/1.1\r\n", "GET", "a.test", Version::http11},
      {"CONNECT bob:pw@a.test:443 HTTP/1.1\r\n", "CONNECT", "a.test:443", Version::http11},
      {"GET bob:pw@a.test?x", "GET", "a.test?x"},
      {"GET http://a.test/x@y", "GET", "http://a.test/x@y"},
      {"GET /x@y", "GET", "/x@y"},
  };
  for (const Case& c : kCases) {
    check(c);
  }
}

TEST(RefusedLine, ShowsNoFragment) {
  check({"GET /cb?a=1#access_token=x HTTP/1.1\r\n", "GET", "/cb?a=1#", Version::http11});
  check({"GET http://a.test#bob:pw@b HTTP/1.1\r\n", "GET", "http://a.test#", Version::http11});
}

TEST(RefusedLine, IsBounded) {
  const std::string method(limits::kMethod + 1, 'M');
  const std::string target = "/" + std::string(limits::kTarget, 't');
  const std::string head = method + " " + target + " HTTP/1.1\r\n";
  const RefusedLine read = read_refused_line(head);
  EXPECT_EQ(read.method, method.substr(0, limits::kMethod));
  EXPECT_EQ(read.target, target.substr(0, limits::kTarget));
  EXPECT_EQ(read.version, Version::http11);
}

TEST(RefusedLine, TakesAnyBytes) {
  // Few different bytes, so that lines, words and users come about; the same in every run.
  constexpr std::string_view kBytes(
      "G/ :@?\r\n\0\xff"
      "HTTP/1.1",
      18);
  uint32_t state = 1;
  for (int round = 0; round < 20'000; ++round) {
    std::string head;
    for (int i = 0; i < round % 40; ++i) {
      state = state * 1664525 + 1013904223;
      head += kBytes[(state >> 16) % kBytes.size()];
    }
    const RefusedLine read = read_refused_line(head);
    ASSERT_TRUE(read.method.empty() || is_token(read.method)) << head;
    ASSERT_EQ(read.target.find_first_of(" \r\n"), std::string_view::npos) << head;
    ASSERT_NE(head.find(read.method), std::string::npos) << head;
    ASSERT_NE(head.find(read.target), std::string::npos) << head;
  }
}

}  // namespace
}  // namespace pingap::http::h1
