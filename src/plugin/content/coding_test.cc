// Both ways through each coding, split everywhere.
#include "plugin/content/coding.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace pingap::plugin {
namespace {

std::string text_of(ByteQueue& queue) {
  std::string text;
  while (!queue.empty()) {
    text += queue.front();
    queue.consume(queue.front().size());
  }
  return text;
}

std::string sample(size_t size) {
  std::string text;
  uint32_t seed = 1;
  while (text.size() < size) {
    seed = seed * 1664525 + 1013904223;
    text += "line " + std::to_string(seed >> 20) + " of a text that repeats itself\n";
  }
  text.resize(size);
  return text;
}

std::string run(Coder& coder, std::string_view in, size_t piece, bool& good) {
  ByteQueue out;
  good = true;
  for (size_t at = 0; at < in.size() && good; at += piece) {
    good = coder.run(in.substr(at, piece), Flush::none, out);
  }
  good = good && coder.run({}, Flush::end, out);
  return text_of(out);
}

std::string encoded(Coding coding, std::string_view text, size_t piece = 4096, int level = 3) {
  const CoderPtr coder = make_encoder(coding, level);
  bool good = false;
  std::string out = run(*coder, text, piece, good);
  EXPECT_TRUE(good);
  return out;
}

constexpr Coding kAll[] = {Coding::gzip, Coding::brotli, Coding::zstd};

TEST(Coding, ComesBackAsItWas) {
  for (const Coding coding : kAll) {
    for (const size_t size : {size_t{0}, size_t{1}, size_t{5000}, size_t{300'000}}) {
      const std::string text = sample(size);
      const std::string small = encoded(coding, text);
      if (size > 1000) {
        EXPECT_LT(small.size(), size / 3) << name_of(coding);
      }
      for (const size_t piece : {size_t{1}, size_t{7}, size_t{100'000}}) {
        const CoderPtr decoder = make_decoder(coding);
        bool good = false;
        ASSERT_EQ(run(*decoder, small, piece, good), text) << name_of(coding) << size;
        EXPECT_TRUE(good);
      }
    }
  }
}

TEST(Coding, ShowsAtTheOtherEndWhatIsFlushed) {
  for (const Coding coding : kAll) {
    const CoderPtr encoder = make_encoder(coding, 3);
    const CoderPtr decoder = make_decoder(coding);
    for (int i = 0; i < 5; ++i) {
      const std::string line = "event " + std::to_string(i) + "\n";
      ByteQueue small;
      ASSERT_TRUE(encoder->run(line, Flush::sync, small));
      const std::string bytes = text_of(small);
      ByteQueue back;
      ASSERT_TRUE(decoder->run(bytes, Flush::none, back));
      EXPECT_EQ(text_of(back), line) << name_of(coding);
    }
  }
}

// What is used again remembers nothing.
TEST(Coding, IsCleanWhenItIsUsedAgain) {
  for (const Coding coding : kAll) {
    const std::string text = sample(10'000);
    const std::string first = encoded(coding, text);
    {
      const CoderPtr given_up = make_encoder(coding, 3);
      ByteQueue out;
      EXPECT_TRUE(given_up->run(sample(20'000), Flush::none, out));
    }
    EXPECT_EQ(encoded(coding, text), first) << name_of(coding);
  }
}

// security.md CO-05
TEST(Coding, SeesWhatIsCutCorruptOrTooMuch) {
  for (const Coding coding : kAll) {
    const std::string small = encoded(coding, sample(5000));
    const auto good = [&](std::string_view bytes) {
      const CoderPtr decoder = make_decoder(coding);
      bool ok = false;
      run(*decoder, bytes, 64, ok);
      return ok;
    };
    EXPECT_TRUE(good(small));
    for (const size_t size : {small.size() - 1, small.size() / 2, size_t{3}}) {
      EXPECT_FALSE(good(std::string_view(small).substr(0, size))) << name_of(coding) << size;
    }
    std::string corrupt = small;
    corrupt[small.size() / 2] = static_cast<char>(corrupt[small.size() / 2] ^ 0x55);
    corrupt[small.size() / 2 + 1] = static_cast<char>(corrupt[small.size() / 2 + 1] ^ 0x55);
    EXPECT_FALSE(good(corrupt)) << name_of(coding);
    EXPECT_FALSE(good(small + "trailing")) << name_of(coding);
  }
  const std::string twice = encoded(Coding::gzip, "a") + encoded(Coding::gzip, "b");
  const CoderPtr decoder = make_decoder(Coding::gzip);
  bool ok = false;
  EXPECT_EQ(run(*decoder, twice, 1, ok), "ab");
  EXPECT_TRUE(ok);
}

TEST(Coding, HasALimitForEachThread) {
  std::vector<CoderPtr> all;
  for (uint32_t i = 0; i < kMostCoders; ++i) {
    all.push_back(make_decoder(Coding::gzip));
    ASSERT_NE(all.back(), nullptr);
  }
  EXPECT_EQ(make_encoder(Coding::gzip, 1), nullptr);
  all.pop_back();
  EXPECT_NE(make_encoder(Coding::gzip, 1), nullptr);
}

TEST(Coding, IsKnownByItsNames) {
  Coding coding{};
  EXPECT_TRUE(parse_coding("X-GZip", coding));
  EXPECT_EQ(coding, Coding::gzip);
  EXPECT_TRUE(parse_coding("br", coding));
  EXPECT_EQ(coding, Coding::brotli);
  EXPECT_FALSE(parse_coding("gzip, br", coding));
  EXPECT_FALSE(parse_coding("deflate", coding));
}

}  // namespace
}  // namespace pingap::plugin
