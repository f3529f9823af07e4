#include "http/hpack/integer.h"

#include <array>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace pingap::http::hpack {
namespace {

std::string write(unsigned bits, uint32_t value) {
  std::array<char, kIntegerRoom> out{};
  return {out.data(), static_cast<size_t>(write_integer(out.data(), 0, bits, value) - out.data())};
}

TEST(Integer, IsWrittenAsInTheRfc) {  // C.1
  EXPECT_EQ(write(5, 10), "\x0a");
  EXPECT_EQ(write(5, 1337), "\x1f\x9a\x0a");
  EXPECT_EQ(write(8, 42), "\x2a");
}

TEST(Integer, IsReadAsItWasWritten) {
  for (const unsigned bits : {4U, 5U, 6U, 7U}) {
    for (const uint32_t value : {0U, 1U, 14U, 15U, 30U, 31U, 62U, 63U, 126U, 127U, 128U, 254U, 255U,
                                 16'383U, 16'384U, 1U << 21, kLargestInteger}) {
      const std::string text = write(bits, value) + "rest";
      std::string_view in = text;
      uint32_t read = 0;
      ASSERT_TRUE(read_integer(in, bits, read)) << bits << " " << value;
      EXPECT_EQ(read, value);
      EXPECT_EQ(in, "rest");
    }
  }
}

TEST(Integer, BitsBeforeItsPrefixAreNotItsOwn) {
  std::string_view in = "\xea";
  uint32_t read = 0;
  ASSERT_TRUE(read_integer(in, 5, read));
  EXPECT_EQ(read, 10U);
}

TEST(Integer, MustEnd) {
  const std::string text = write(5, 1337);
  for (size_t size = 0; size < text.size(); ++size) {
    std::string_view in = std::string_view(text).substr(0, size);
    uint32_t read = 0;
    EXPECT_FALSE(read_integer(in, 5, read)) << size;
  }
}

TEST(Integer, TooLargeOrTooLongIsNone) {
  for (const std::string& text : {write(7, kLargestInteger + 1), std::string(12, '\xff') + "\x01",
                                  "\x7f" + std::string(6, '\x80') + std::string(1, '\0'),
                                  std::string("\x7f\xff\xff\xff\xff\x0f")}) {
    std::string_view in = text;
    uint32_t read = 0;
    EXPECT_FALSE(read_integer(in, 7, read));
  }
}

}  // namespace
}  // namespace pingap::http::hpack
