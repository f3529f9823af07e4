#include "http/base64.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace pingap::http {
namespace {

const std::vector<std::pair<std::string, std::string>> kPairs = {
    // RFC 4648 10
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {std::string("\x00\xff\xfe\xfb", 4), "AP/++w=="},
};

// Decodes in two pieces, cut at `cut`; "bad" where it is none.
std::string decode(std::string_view text, size_t cut) {
  Base64Decoder decoder;
  std::string out;
  for (const std::string_view piece : {text.substr(0, cut), text.substr(cut)}) {
    std::string room(Base64Decoder::room_for(piece.size()), '\0');
    const auto size = decoder.decode(piece, room.data());
    if (!size) {
      return "bad";
    }
    EXPECT_LE(*size, room.size());
    out += room.substr(0, *size);
  }
  return decoder.whole() ? out : "open";
}

TEST(Base64, DecodesHoweverItIsCut) {
  for (const auto& [bytes, text] : kPairs) {
    for (size_t cut = 0; cut <= text.size(); ++cut) {
      EXPECT_EQ(decode(text, cut), bytes) << text << " at " << cut;
    }
  }
}

TEST(Base64, PaddingMayBeWithinAText) {
  const std::string text = "Zg==Zm8=Zm9vZg==";
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    EXPECT_EQ(decode(text, cut), "ffofoof");
  }
}

TEST(Base64, RefusesWhatIsNone) {
  for (const char* text : {"=", "Z=", "Z===", "Zg=", "Zg=x", "Zg=A", "Zm8==", "Zm9v=", "Zg==\n",
                           "Z g=", "Zg-_", "Zh==", "Zm9=", "\xff\xff\xff\xff"}) {
    const std::string all = text;
    for (size_t cut = 0; cut <= all.size(); ++cut) {
      const std::string got = decode(all, cut);
      EXPECT_TRUE(got == "bad" || got == "open") << text << " at " << cut << ": " << got;
    }
  }
  EXPECT_EQ(decode("Zm9vZ", 0), "open");
  EXPECT_EQ(decode("Zg=", 0), "open");
}

TEST(Base64, EncodesHoweverItIsCut) {
  for (const auto& [bytes, text] : kPairs) {
    for (size_t cut = 0; cut <= bytes.size(); ++cut) {
      Base64Encoder encoder;
      std::string out;
      for (const std::string_view piece :
           {std::string_view(bytes).substr(0, cut), std::string_view(bytes).substr(cut)}) {
        std::string room(Base64Encoder::room_for(piece.size()), '\0');
        out += room.substr(0, encoder.encode(piece, room.data()));
      }
      std::string last(Base64Encoder::kLast, '\0');
      out += last.substr(0, encoder.finish(last.data()));
      EXPECT_EQ(out, text);
    }
  }
}

}  // namespace
}  // namespace pingap::http
