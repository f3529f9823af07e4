#include "http/hpack/huffman.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "http/hpack/test_hpack.h"

namespace pingap::http::hpack {
namespace {

// "-" where it is not decoded.
std::string decode(std::string_view encoded) {
  std::vector<char> out(huffman_room(encoded.size()));
  const size_t size = huffman_decode(encoded, out.data());
  return size == kNotHuffman ? "-" : std::string(out.data(), size);
}

// RFC 7541 C.4, C.6.
TEST(Huffman, ReadsWhatTheRfcWrites) {
  EXPECT_EQ(decode(unhex("f1e3c2e5f23a6ba0ab90f4ff")), "www.example.com");
  EXPECT_EQ(decode(unhex("a8eb10649cbf")), "no-cache");
  EXPECT_EQ(decode(unhex("25a849e95ba97d7f")), "custom-key");
  EXPECT_EQ(decode(unhex("6402")), "302");
  EXPECT_EQ(decode(unhex("94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065"
                         "c003ed4ee5b1063d5007")),
            "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1");
}

TEST(Huffman, EmptyIsEmpty) {
  EXPECT_EQ(decode(""), "");
}

TEST(Huffman, ReadsEveryByte) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string text(3, static_cast<char>(byte));
    EXPECT_EQ(decode(huffman_of(text)), text) << byte;
  }
}

TEST(Huffman, PaddingIsOfOnesAndLessThanAByte) {
  EXPECT_EQ(decode("\x1f"), "a");              // five bits and three ones
  EXPECT_EQ(decode("\x1e"), "-");              // a zero among them
  EXPECT_EQ(decode("\x1f\xff"), "-");          // eleven
  EXPECT_EQ(decode("\xff"), "-");              // eight
  EXPECT_EQ(decode("\xff\xff\xff\xff"), "-");  // EOS itself
}

TEST(Huffman, CodeThatIsCutOffIsNone) {
  const std::string whole = huffman_of("\x01\x02\xff");  // all long
  for (size_t size = 1; size < whole.size(); ++size) {
    const std::string text = decode(std::string_view(whole).substr(0, size));
    EXPECT_TRUE(text == "-" || text.size() < 3) << size;
  }
}

}  // namespace
}  // namespace pingap::http::hpack
