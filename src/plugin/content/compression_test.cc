#include "plugin/content/coding.h"
#include "plugin/content/kinds.h"
#include "plugin/test_plugin.h"

namespace pingap::plugin {
namespace {

struct Response {
  uint16_t status = 200;
  Asked::Headers headers{{"Content-Type", "text/html; charset=utf-8"}};
  int64_t length = 1000;  // -1 = unknown
};

// The coding that is chosen; empty = the answer stays as it is.
std::string coding(const Made& made, Asked::Headers asked_with, const Response& response = {},
                   std::string* vary = nullptr, std::string* etag = nullptr) {
  Asked asked("/", std::move(asked_with));
  for (const auto& [name, value] : response.headers) {
    asked.x.response.headers.add(std::string_view(name), std::string_view(value));
  }
  asked.x.response.has_content_length = response.length >= 0;
  asked.x.response.content_length = static_cast<uint64_t>(std::max<int64_t>(0, response.length));
  asked.respond(*made, response.status);
  Context context = asked.context();
  const std::string chosen = asked.got("content-encoding");
  const bool filtered = (*made).response_body(context) != nullptr;
  EXPECT_EQ(filtered, !chosen.empty());
  if (filtered) {
    EXPECT_FALSE(asked.x.response.has_content_length);
  }
  if (vary != nullptr) {
    *vary = asked.got("vary");
  }
  if (etag != nullptr) {
    *etag = asked.got("etag");
  }
  return chosen;
}

const Asked::Headers kGzip{{"Accept-Encoding", "gzip"}};

// security.md CO-03
TEST(Compression, ChoosesWhatTheClientLikesBest) {
  const Made made(kCompression, "");
  for (const auto& [accept, chosen] : {std::pair{"gzip", "gzip"},
                                       {"gzip, deflate, br", "br"},
                                       {"gzip, br, zstd", "zstd"},
                                       {"zstd;q=0.5, gzip;q=0.9, br;q=0.9", "br"},
                                       {"gzip;q=0", ""},
                                       {"*;q=0, identity", ""},
                                       {"*", "zstd"},
                                       {"zstd;q=0, br;q=0, *", "gzip"},
                                       {"x-gzip", "gzip"},
                                       {"br;q=0.001", "br"},
                                       {"gzipp", ""},
                                       {"identity", ""},
                                       {"", ""}}) {
    EXPECT_EQ(coding(made, {{"Accept-Encoding", accept}}), chosen) << accept;
  }
  EXPECT_EQ(coding(made, {}), "");
  EXPECT_EQ(coding(Made(kCompression, "zstd_level = 0"), {{"Accept-Encoding", "zstd, br"}}), "br");
}

// security.md CO-02
TEST(Compression, LeavesAloneWhatMustNotBeChanged) {
  const Made made(kCompression, "");
  const auto with = [&](std::string name, std::string value, uint16_t status = 200) {
    return coding(made, kGzip, {status, {{"Content-Type", "text/html"}, {name, value}}, 1000});
  };
  EXPECT_EQ(with("X", "y"), "gzip");
  EXPECT_EQ(with("X", "y", 404), "gzip");
  EXPECT_EQ(with("Cache-Control", "public, no-transform"), "");
  EXPECT_EQ(with("Content-Range", "bytes 0-1/5", 206), "");
  for (const uint16_t status : {uint16_t{204}, uint16_t{206}, uint16_t{304}}) {
    EXPECT_EQ(with("X", "y", status), "") << status;
  }
  EXPECT_EQ(coding(made, kGzip, {200, {{"Content-Type", "image/png"}}, 1000}), "");
  EXPECT_EQ(coding(made, kGzip, {200, {}, 1000}), "");
  EXPECT_EQ(coding(made, kGzip, {200, {{"Content-Type", "text/html"}}, 100}), "");
  EXPECT_EQ(coding(made, kGzip, {200, {{"Content-Type", "TEXT/HTML"}}, -1}), "gzip");
  EXPECT_EQ(coding(Made(kCompression, "types = [\"image/*\"]"), kGzip,
                   {200, {{"Content-Type", "image/png"}}, 1000}),
            "gzip");
}

TEST(Compression, LeavesWhatIsEncodedAlready) {
  const Made made(kCompression, "");
  Asked asked("/", kGzip);
  asked.x.response.headers.add("Content-Type", "text/html");
  asked.x.response.headers.add("Content-Encoding", "br");
  asked.respond(*made);
  Context context = asked.context();
  EXPECT_EQ((*made).response_body(context), nullptr);
  EXPECT_EQ(asked.got("content-encoding"), "br");
}

TEST(Compression, SaysWhatTheAnswerDependsOnAndThatItIsAnother) {
  const Made made(kCompression, "");
  std::string vary;
  std::string etag;
  const Response response{200, {{"Content-Type", "text/css"}, {"ETag", "\"a\""}}, 1000};
  EXPECT_EQ(coding(made, kGzip, response, &vary, &etag), "gzip");
  EXPECT_EQ(vary, "Accept-Encoding");
  EXPECT_EQ(etag, "W/\"a\"");
  EXPECT_EQ(coding(made, {}, response, &vary, &etag), "");
  EXPECT_EQ(vary, "Accept-Encoding");
  EXPECT_EQ(etag, "\"a\"");
}

// RFC 9530: what is encoded by us is another content, and another representation.
TEST(Compression, TakesAwayDigestsOfOtherBytes) {
  const Made made(kCompression, "decompression = true");
  for (const char* encoding : {"", "br"}) {
    for (const char* name : {"Content-Digest", "Repr-Digest", "Digest", "Content-MD5"}) {
      Asked asked("/", kGzip);
      asked.x.response.headers.add("Content-Type", "text/html");
      asked.x.response.headers.add(std::string_view(name), "x");
      if (*encoding != '\0') {
        asked.x.response.headers.add("Content-Encoding", std::string_view(encoding));
      }
      asked.respond(*made);
      EXPECT_EQ(asked.got(name), "") << name << encoding;
      Asked plain("/", {{"Accept-Encoding", "br"}});
      plain.x.response.headers.add("Content-Encoding", "br");
      plain.x.response.headers.add(std::string_view(name), "x");
      plain.respond(*made);
      EXPECT_EQ(plain.got(name), "x") << name;
    }
  }
}

// security.md CO-01
TEST(Compression, KeepsLengthsFromOtherSites) {
  const Made made(kCompression, "");
  const auto with = [&](Asked::Headers more) {
    more.emplace_back("Accept-Encoding", "gzip");
    return coding(made, std::move(more));
  };
  EXPECT_EQ(with({{"Cookie", "a=1"}}), "gzip");
  EXPECT_EQ(with({{"Cookie", "a=1"}, {"Sec-Fetch-Site", "same-origin"}}), "gzip");
  EXPECT_EQ(with({{"Cookie", "a=1"}, {"Sec-Fetch-Site", "cross-site"}}), "");
  EXPECT_EQ(with({{"Cookie", "a=1"}, {"Referer", "https://evil.test/"}}), "");
  EXPECT_EQ(with({{"Cookie", "a=1"}, {"Referer", "https://a.test/x"}}), "gzip");
  EXPECT_EQ(with({{"Sec-Fetch-Site", "cross-site"}}), "gzip");
  const Response sets{200, {{"Content-Type", "text/html"}, {"Set-Cookie", "a=1"}}, 1000};
  EXPECT_EQ(coding(made, kGzip, sets), "");
  EXPECT_EQ(coding(Made(kCompression, "breach_guard = false"), kGzip, sets), "gzip");
}

std::string filtered(const Made& made, Asked& asked, std::string_view in, End end, bool& good) {
  Context context = asked.context();
  BodyFilter* filter = (*made).response_body(context);
  ByteQueue from;
  from.append(in);
  ByteQueue to;
  good = filter->filter(from, to, end).has_value();
  std::string out;
  while (!to.empty()) {
    out += to.front();
    to.consume(to.front().size());
  }
  return out;
}

TEST(Compression, DecodesForWhoDoesNotAccept) {
  const Made made(kCompression, "decompression = true");
  ByteQueue small;
  EXPECT_TRUE(make_encoder(Coding::gzip, 6)->run(std::string(5000, 'x'), Flush::end, small));
  Asked asked;
  asked.x.response.headers.add("Content-Encoding", "gzip");
  asked.respond(*made);
  EXPECT_EQ(asked.got("content-encoding"), "");
  bool good = false;
  EXPECT_EQ(filtered(made, asked, small.front(), End::yes, good), std::string(5000, 'x'));
  EXPECT_TRUE(good);
  Asked accepts("/", kGzip);
  accepts.x.response.headers.add("Content-Encoding", "gzip");
  accepts.respond(*made);
  EXPECT_EQ(accepts.got("content-encoding"), "gzip");
}

// security.md CO-04
TEST(Compression, StopsAtABomb) {
  const Made made(kCompression, "decompression = true");
  std::string bomb;
  {
    const CoderPtr encoder = make_encoder(Coding::gzip, 9);
    const std::string zeros(1 << 20, '\0');
    ByteQueue out;
    for (int i = 0; i < 64; ++i) {
      ASSERT_TRUE(encoder->run(zeros, i == 63 ? Flush::end : Flush::none, out));
    }
    while (!out.empty()) {
      bomb += out.front();
      out.consume(out.front().size());
    }
  }
  Asked asked;
  asked.x.response.headers.add("Content-Encoding", "gzip");
  asked.respond(*made);
  bool good = true;
  const std::string made_of_it = filtered(made, asked, bomb, End::yes, good);
  EXPECT_FALSE(good);
  EXPECT_LT(made_of_it.size(), size_t{8} << 20);
}

TEST(Compression, IsNotMadeOfNonsense) {
  EXPECT_TRUE(Made(kCompression, "gzip_level = 0\nbr_level = 0\nzstd_level = 0").failed());
  EXPECT_TRUE(Made(kCompression, "gzip_level = 10").failed());
  EXPECT_FALSE(
      Made(kCompression, "gzip_level = 0\nbr_level = 0\nzstd_level = 0\ndecompression = true")
          .failed());
}

}  // namespace
}  // namespace pingap::plugin
