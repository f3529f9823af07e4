// Blocks of both sides of a long connection, against nghttp2.
#include <string>

#include <gtest/gtest.h>

#include "http/hpack/encoder.h"
#include "http/hpack/test_hpack.h"

namespace pingap::http::hpack {
namespace {

// The same numbers each time.
class Random {
 public:
  size_t below(size_t bound) {
    state_ = state_ * 6364136223846793005 + 1442695040888963407;
    return static_cast<size_t>(state_ >> 33) % bound;
  }

 private:
  uint64_t state_ = 42;
};

Fields some_fields(Random& random) {
  static const std::vector<std::string> kNames = {
      "accept", "cookie",         "x-a",           "x-longer-name", "server",     "date",
      "etag",   "content-length", "authorization", "vary",          "user-agent", "x-token"};
  Fields fields = {{":status", std::to_string(200 + random.below(5))}};
  for (size_t left = random.below(20); left > 0; --left) {
    std::string value(random.below(8) == 0 ? random.below(2000) : random.below(20), '\0');
    for (char& c : value) {
      c = static_cast<char>(random.below(40) == 0 ? random.below(256) : 'a' + random.below(4));
    }
    fields.emplace_back(kNames[random.below(kNames.size())], value);
  }
  return fields;
}

TEST(HpackOracle, WeReadWhatNghttp2Writes) {
  Random random;
  Deflater deflater;
  Decoder decoder(4096);
  for (int i = 0; i < 3000; ++i) {
    if (random.below(50) == 0) {
      deflater.resize(random.below(4097));
    }
    const Fields fields = some_fields(random);
    Keeper keeper;
    ASSERT_EQ(decoder.decode(deflater.write(fields), keeper.take()), Decoder::Outcome::done);
    ASSERT_EQ(keeper.fields, fields);
  }
}

TEST(HpackOracle, Nghttp2ReadsWhatWeWrite) {
  Random random;
  Encoder encoder(4096);
  Inflater inflater;
  std::string out(100'000, '\0');
  for (int i = 0; i < 3000; ++i) {
    if (random.below(50) == 0) {
      const size_t size = random.below(5000);
      inflater.resize(size);
      encoder.set_limit(size);
    }
    const Fields fields = some_fields(random);
    char* to = encoder.begin(out.data());
    for (const auto& [name, value] : fields) {
      to = encoder.write(to, identify(name), value);
    }
    Fields read;
    ASSERT_TRUE(inflater.read({out.data(), static_cast<size_t>(to - out.data())}, read));
    ASSERT_EQ(read, fields);
  }
}

}  // namespace
}  // namespace pingap::http::hpack
