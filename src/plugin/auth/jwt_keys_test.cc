// Tokens with public keys: security.md JW-02, JW-04, JW-07, JW-14, JW-15; the vectors of RFC 7515,
// 7517 and 8037.
#include <cstdio>
#include <fstream>
#include <unistd.h>

#include <fmt/format.h>

#include "plugin/auth/jwt_algorithm.h"
#include "plugin/auth/kinds.h"
#include "plugin/auth/test_plugin.h"
#include "plugin/auth/test_tokens.h"

namespace pingap::plugin {
namespace {

using test::base64url;
using test::make;
using test::Request;
using test::Signer;

constexpr std::string_view kClaims = R"({"sub":"alice","exp":1700000100})";

std::string text_of(std::string_view alg, std::string_view more = "") {
  return base64url(fmt::format("{{\"alg\":\"{}\"{}}}", alg, more)) + "." + base64url(kClaims);
}

std::string token(const Signer& signer, std::string_view alg, std::string_view more = "") {
  const std::string text = text_of(alg, more);
  return text + "." + base64url(signer.sign(alg, text));
}

std::shared_ptr<const Plugin> plugin(const Signer& signer, std::string_view algorithms) {
  auto made =
      make(kJwt, fmt::format("public_key = '''{}'''\nalgorithm = [{}]", signer.pem(), algorithms));
  EXPECT_EQ(made.errors, "");
  return made.plugin;
}

int status_of(const Plugin& it, const std::string& token) {
  return Request().with("Authorization", "Bearer " + token).finish(it);
}

const Signer& rsa() {
  static const Signer one = Signer::rsa();
  return one;
}

// A file that is gone afterwards.
class File {
 public:
  explicit File(const std::string& text) { write(text); }

  File(const File&) = delete;
  File& operator=(const File&) = delete;

  ~File() { ::unlink(path().c_str()); }

  void write(const std::string& text) const {
    const std::string next = path() + ".new";
    std::ofstream(next) << text;
    ::rename(next.c_str(), path().c_str());
  }

  std::string path() const {
    return fmt::format("{}/keys-{}-{}.json", testing::TempDir(), ::getpid(), number_);
  }

 private:
  static inline int last_ = 0;
  int number_ = ++last_;
};

std::string decoded(std::string_view text) {
  std::string out(text.size(), '\0');
  out.resize(decode_base64url(text, out.data()).value());
  return out;
}

JwtKey key_of(std::vector<std::pair<std::string, std::string>> members) {
  auto key = JwtKey::from_json({std::move(members), {}, false});
  EXPECT_TRUE(key);
  return std::move(*key);
}

constexpr std::string_view kRfcPayload =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlf"
    "Q";

TEST(JwtVectors, Rfc7515A1) {
  const JwtKey key = JwtKey::from_secret(decoded(
      "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"));
  const std::string text = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." + std::string(kRfcPayload);
  const std::string mac = decoded("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
  EXPECT_TRUE(key.verify(*find_jwt_algorithm("HS256"), text, mac));
  EXPECT_FALSE(key.verify(*find_jwt_algorithm("HS256"), text + "x", mac));
}

TEST(JwtVectors, Rfc7515A2) {
  const JwtKey key = key_of(
      {{"kty", "RSA"},
       {"n",
        "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1"
        "Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSH"
        "SXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_"
        "I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"},
       {"e", "AQAB"}});
  const std::string signature = decoded(
      "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5"
      "jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb"
      "1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QO"
      "YEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw");
  const std::string text = "eyJhbGciOiJSUzI1NiJ9." + std::string(kRfcPayload);
  EXPECT_TRUE(key.verify(*find_jwt_algorithm("RS256"), text, signature));
  EXPECT_FALSE(key.verify(*find_jwt_algorithm("PS256"), text, signature));
}

TEST(JwtVectors, Rfc7515A3) {
  const JwtKey key = key_of({{"kty", "EC"},
                             {"crv", "P-256"},
                             {"x", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"},
                             {"y", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}});
  EXPECT_TRUE(key.verify(
      *find_jwt_algorithm("ES256"), "eyJhbGciOiJFUzI1NiJ9." + std::string(kRfcPayload),
      decoded(
          "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1"
          "Q")));
}

TEST(JwtVectors, Rfc8037A4) {
  const JwtKey key = key_of(
      {{"kty", "OKP"}, {"crv", "Ed25519"}, {"x", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}});
  EXPECT_TRUE(key.verify(
      *find_jwt_algorithm("EdDSA"), "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
      decoded(
          "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KA"
          "g")));
}

TEST(JwtKeys, EveryAlgorithmWorks) {
  const Signer p256 = Signer::ec("P-256");
  const Signer p384 = Signer::ec("P-384");
  const Signer p521 = Signer::ec("P-521");
  const Signer ed = Signer::ed25519();
  for (const auto& [alg, signer] :
       std::vector<std::pair<std::string, const Signer*>>{{"RS256", &rsa()},
                                                          {"RS384", &rsa()},
                                                          {"RS512", &rsa()},
                                                          {"PS256", &rsa()},
                                                          {"PS384", &rsa()},
                                                          {"PS512", &rsa()},
                                                          {"ES256", &p256},
                                                          {"ES384", &p384},
                                                          {"ES512", &p521},
                                                          {"EdDSA", &ed}}) {
    const auto it = plugin(*signer, "\"" + alg + "\"");
    const std::string good = token(*signer, alg);
    EXPECT_EQ(status_of(*it, good), 0) << alg;
    EXPECT_EQ(status_of(*it, good), 0) << alg;  // from memory
    std::string wrong = good;
    wrong[good.rfind('.') + 20] = wrong[good.rfind('.') + 20] == 'A' ? 'B' : 'A';
    EXPECT_EQ(status_of(*it, wrong), 401) << alg;
    for (const JwtAlgorithm& other : jwt_algorithms()) {
      if (other.name != alg) {  // the same signature under another name
        const std::string text = text_of(other.name);
        EXPECT_EQ(status_of(*it, text + good.substr(good.rfind('.'))), 401) << other.name;
      }
    }
  }
}

// A signature of ES... is made of numbers: those with zeros in front have another length in DER.
TEST(JwtKeys, EveryLengthOfNumbersWorks) {
  for (const auto& [curve, alg] :
       {std::pair{"P-256", "ES256"}, {"P-384", "ES384"}, {"P-521", "ES512"}}) {
    const Signer signer = Signer::ec(curve);
    const auto it = plugin(signer, fmt::format("\"{}\"", alg));
    for (int i = 0; i < 300; ++i) {
      ASSERT_EQ(status_of(*it, token(signer, alg, fmt::format(",\"n\":{}", i))), 0);
    }
  }
}

// JW-02
TEST(JwtKeys, APublicKeyIsNoSecret) {
  const std::string pem = rsa().pem();
  const auto it = plugin(rsa(), "\"RS256\"");
  const std::string text = text_of("HS256");
  for (const std::string& secret : {pem, pem.substr(0, pem.size() - 1), rsa().der()}) {
    EXPECT_EQ(status_of(*it, text + "." + base64url(test::hmac(EVP_sha256(), secret, text))), 401);
  }
  for (const char* algorithms : {"\"HS256\"", "\"RS256\", \"HS256\"", "\"ES256\"", "\"EdDSA\""}) {
    EXPECT_NE(
        make(kJwt, fmt::format("public_key = '''{}'''\nalgorithm = [{}]", pem, algorithms)).errors,
        "")
        << algorithms;
  }
}

// JW-04
TEST(JwtKeys, RefusesSignaturesOfAnotherForm) {
  const Signer p256 = Signer::ec("P-256");
  const auto es = plugin(p256, "\"ES256\"");
  const std::string text = text_of("ES256");
  const std::string good = p256.sign("ES256", text);
  const std::string n =
      decoded("_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE");  // the order of P-256
  ASSERT_EQ(n.size(), 32U);
  const std::string zero(32, '\0');
  const std::string r = good.substr(0, 32);
  const std::string s = good.substr(32);
  for (const std::string& wrong :
       {zero + zero, zero + s, r + zero, n + s, r + n, n + n, good.substr(1), good.substr(0, 63),
        good + "x", good + std::string(1, '\0'), std::string(72, '0'), std::string(4096, 'x'),
        std::string(1, 'x'), std::string(64, '\xff')}) {
    EXPECT_EQ(status_of(*es, text + "." + base64url(wrong)), 401) << wrong.size();
  }
  const auto rs = plugin(rsa(), "\"RS256\"");
  const std::string rs_text = text_of("RS256");
  const std::string proof = rsa().sign("RS256", rs_text);
  for (const std::string& wrong :
       {proof.substr(1), proof.substr(0, 255), proof + "x", std::string(256, '\0'),
        std::string(256, '\xff'), rsa().sign("RS512", rs_text), rsa().sign("PS256", rs_text)}) {
    EXPECT_EQ(status_of(*rs, rs_text + "." + base64url(wrong)), 401) << wrong.size();
  }
  EXPECT_EQ(status_of(*rs, rs_text + "." + base64url(proof)), 0);
}

// A.1 as it stands there: one of its keys is for signatures. Those of A.2 and A.3 that are secret
// are for nobody who only looks at them.
TEST(JwtVectors, Rfc7517A) {
  const auto keys = read_jwks(R"({"keys":
       [
         {"kty":"EC",
          "crv":"P-256",
          "x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
          "y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
          "use":"enc",
          "kid":"1"},

         {"kty":"RSA",
          "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
          "e":"AQAB",
          "alg":"RS256",
          "kid":"2011-04-27"}
       ]
     })");
  ASSERT_TRUE(keys);
  ASSERT_EQ(keys->size(), 1U);
  EXPECT_EQ(keys->front().id(), "2011-04-27");
  EXPECT_TRUE(keys->front().fits(*find_jwt_algorithm("RS256")));
  EXPECT_TRUE(keys->front().allows(*find_jwt_algorithm("RS256")));
  EXPECT_FALSE(keys->front().allows(*find_jwt_algorithm("RS512")));
  const auto secrets = read_jwks(R"({"keys":
       [
         {"kty":"oct",
          "alg":"A128KW",
          "k":"GawgguFyGrWKav7AX4VKUg"},

         {"kty":"oct",
          "k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
          "kid":"HMAC key used in JWS spec Appendix A.1 example"}
       ]
     })");
  ASSERT_TRUE(secrets);
  EXPECT_TRUE(secrets->empty());
}

// JW-07
TEST(JwtKeys, TheIdChoosesAmongTheKeysOfASet) {
  const Signer other = Signer::rsa();
  const File file(R"({"keys":[)" + rsa().jwk("a") + "," + other.jwk("b") + "]}");
  const auto made =
      make(kJwt, fmt::format("jwks_file = \"{}\"\nalgorithm = \"RS256\"", file.path()));
  ASSERT_EQ(made.errors, "");
  EXPECT_EQ(made.files, std::vector{file.path()});
  EXPECT_EQ(status_of(*made.plugin, token(rsa(), "RS256", R"(,"kid":"a")")), 0);
  EXPECT_EQ(status_of(*made.plugin, token(other, "RS256", R"(,"kid":"b")")), 0);
  for (const char* more : {R"(,"kid":"b")", R"(,"kid":"A")", R"(,"kid":"")", R"(,"kid":"a ")", "",
                           R"(,"kid":"../../dev/null")", R"(,"kid":"' or 1=1")", R"(,"kid":{})"}) {
    EXPECT_EQ(status_of(*made.plugin, token(rsa(), "RS256", more)), 401) << more;
  }
}

// JW-14
TEST(JwtKeys, PassesOverKeysThatAreForSomethingElse) {
  const std::string secret =
      R"({"kty":"oct","kid":"o","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"})";
  const File file(R"({"keys":[)" + secret + "," + rsa().jwk("enc", R"(,"use":"enc")") + "," +
                  rsa().jwk("ops", R"(,"key_ops":["sign"])") + "," +
                  rsa().jwk("512", R"(,"alg":"RS512")") + "," +
                  rsa().jwk("good", R"(,"use":"sig","key_ops":["verify"],"alg":"RS256","x":{})") +
                  "," + Signer::rsa(1024).jwk("weak") + R"(,{"kty":"X"},{}]})");
  const auto made = make(
      kJwt, fmt::format("jwks_file = \"{}\"\nalgorithm = [\"RS256\", \"RS512\"]", file.path()));
  ASSERT_EQ(made.errors, "");
  for (const auto& [id, status] : {std::pair{"good", 0},
                                   {"enc", 401},
                                   {"ops", 401},
                                   {"512", 401},
                                   {"weak", 401},
                                   {"o", 401}}) {
    EXPECT_EQ(status_of(*made.plugin, token(rsa(), "RS256", fmt::format(",\"kid\":\"{}\"", id))),
              status)
        << id;
  }
  EXPECT_EQ(status_of(*made.plugin, token(rsa(), "RS512", R"(,"kid":"512")")), 0);
}

TEST(JwtKeys, RefusesAFileWithoutKeys) {
  for (const char* text : {"", "{}", "[]", R"({"keys":{}})", R"({"keys":[]})", R"({"keys":[1]})",
                           R"({"keys":[{"kty":"oct","k":"AAAA"}]})", R"({"keys":[],"keys":[]})"}) {
    const File file(text);
    EXPECT_NE(make(kJwt, fmt::format("jwks_file = \"{}\"\nalgorithm = \"RS256\"", file.path()))
                  .errors.find("cannot use"),
              std::string::npos)
        << text;
  }
}

TEST(JwtKeys, TakesAChangedFileUp) {
  const Signer other = Signer::rsa();
  const File file(R"({"keys":[)" + rsa().jwk("a") + "]}");
  const auto made =
      make(kJwt, fmt::format("jwks_file = \"{}\"\nalgorithm = \"RS256\"", file.path()));
  ASSERT_EQ(made.errors, "");
  const std::string next = token(other, "RS256", R"(,"kid":"b")");
  ASSERT_EQ(status_of(*made.plugin, next), 401);
  ASSERT_EQ(status_of(*made.plugin, token(rsa(), "RS256", R"(,"kid":"a")")), 0);
  file.write(R"({"keys":[)" + other.jwk("b") + "]}");
  const TimePoint end = steady_now() + std::chrono::seconds(20);
  while (status_of(*made.plugin, next) != 0 && steady_now() < end) {
    std::this_thread::yield();
  }
  EXPECT_EQ(status_of(*made.plugin, next), 0);
  // Also what was remembered is gone.
  EXPECT_EQ(status_of(*made.plugin, token(rsa(), "RS256", R"(,"kid":"a")")), 401);
}

// JW-15
TEST(JwtKeys, RefusesWeakKeys) {
  for (const Signer& weak : {Signer::rsa(1024), Signer::ec("secp256k1"), Signer::ec("P-224")}) {
    EXPECT_NE(make(kJwt, fmt::format("public_key = '''{}'''\nalgorithm = [\"RS256\", \"ES256\"]",
                                     weak.pem()))
                  .errors.find("cannot use"),
              std::string::npos);
  }
}

// ---- keys from a server

class FakeFetcher final : public Fetcher {
 public:
  void get(Request request, Done done) override {
    const std::lock_guard lock(mutex_);
    urls.push_back(request.url);
    done_.push_back(std::move(done));
  }

  void stop() override {}

  size_t asked() {
    const std::lock_guard lock(mutex_);
    return urls.size();
  }

  void answer(tl::expected<std::string, std::string> body) {
    Done done;
    {
      const std::lock_guard lock(mutex_);
      ASSERT_FALSE(done_.empty());
      done = std::move(done_.front());
      done_.erase(done_.begin());
    }
    done(std::move(body));
  }

  std::vector<std::string> urls;

 private:
  std::mutex mutex_;
  std::vector<Done> done_;
};

struct Served {
  Served() {
    while (fetcher.asked() == 0) {  // from the background, at once
      std::this_thread::yield();
    }
  }

  FakeFetcher fetcher;
  std::shared_ptr<const Plugin> plugin =
      make(kJwt, "jwks_url = \"https://a.test/keys\"\nalgorithm = \"RS256\"", &fetcher).plugin;

  std::string set(const Signer& signer, const char* id) const {
    return R"({"keys":[)" + signer.jwk(id) + "]}";
  }
};

TEST(JwtServer, ARequestWaitsForTheFirstKeys) {
  Served it;
  ASSERT_EQ(it.fetcher.asked(), 1U);
  Request one;
  Request two;
  const std::string good = "Bearer " + token(rsa(), "RS256", R"(,"kid":"a")");
  EXPECT_EQ(one.with("Authorization", good).run(*it.plugin), -1);
  EXPECT_EQ(two.with("Authorization", good).run(*it.plugin), -1);
  EXPECT_EQ(it.fetcher.asked(), 1U);  // for both
  it.fetcher.answer(it.set(rsa(), "a"));
  EXPECT_EQ(one.resume(*it.plugin), 0);
  EXPECT_EQ(two.resume(*it.plugin), 0);
  EXPECT_EQ(status_of(*it.plugin, good.substr(7)), 0);
}

TEST(JwtServer, WithoutKeysNobodyPasses) {
  Served it;
  const std::string good = "Bearer " + token(rsa(), "RS256", R"(,"kid":"a")");
  Request request;
  EXPECT_EQ(request.with("Authorization", good).run(*it.plugin), -1);
  it.fetcher.answer(tl::unexpected<std::string>("connection refused"));
  EXPECT_EQ(request.resume(*it.plugin), 503);
  EXPECT_EQ(request.answered("retry-after"), "5");
  EXPECT_EQ(status_of(*it.plugin, good.substr(7)), 503);  // at once: it was just tried
  EXPECT_EQ(it.fetcher.asked(), 1U);
  Request later;
  later.at += std::chrono::seconds(6);
  EXPECT_EQ(later.with("Authorization", good).run(*it.plugin), -1);
  EXPECT_EQ(it.fetcher.asked(), 2U);
  it.fetcher.answer(it.set(rsa(), "a"));
  EXPECT_EQ(later.resume(*it.plugin), 0);
}

TEST(JwtServer, AnUnknownKeyIsAskedForOnceInAWhile) {
  Served it;
  const Signer other = Signer::rsa();
  it.fetcher.answer(it.set(rsa(), "a"));
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(status_of(*it.plugin, token(rsa(), "RS256", R"(,"kid":"x")")), 401);
    if (i == 0) {
      ASSERT_EQ(it.fetcher.asked(), 1U);
    }
  }
  EXPECT_EQ(it.fetcher.asked(), 1U);
  const std::string rotated = "Bearer " + token(other, "RS256", R"(,"kid":"b")");
  Request request;
  request.at += std::chrono::seconds(31);
  EXPECT_EQ(request.with("Authorization", rotated).run(*it.plugin), -1);
  EXPECT_EQ(it.fetcher.asked(), 2U);
  it.fetcher.answer(it.set(other, "b"));
  EXPECT_EQ(request.resume(*it.plugin), 0);
}

TEST(JwtServer, AnotherConfigurationKeepsTheKeys) {
  Served it;
  it.fetcher.answer(it.set(rsa(), "a"));
  const std::string options = "jwks_url = \"https://a.test/keys\"\nalgorithm = \"RS256\"\n";
  const auto next = make(kJwt, options + "audience = \"api\"", &it.fetcher, it.plugin.get()).plugin;
  EXPECT_EQ(status_of(*next, token(rsa(), "RS256", R"(,"kid":"a")")), 401);  // no aud
  const auto other = make(kJwt, options + "realm = \"x\"", &it.fetcher, next.get()).plugin;
  it.plugin = nullptr;
  EXPECT_EQ(status_of(*other, token(rsa(), "RS256", R"(,"kid":"a")")), 0);
  EXPECT_EQ(it.fetcher.asked(), 1U);
}

TEST(JwtServer, WhatFailsLeavesTheKeys) {
  for (const auto& wrong : std::vector<tl::expected<std::string, std::string>>{
           tl::unexpected<std::string>("down"), std::string(), std::string("<html>"),
           std::string(R"({"keys":[]})")}) {
    Served it;
    it.fetcher.answer(it.set(rsa(), "a"));
    Request request;
    request.at += std::chrono::seconds(31);
    request.with("Authorization", "Bearer " + token(rsa(), "RS256", R"(,"kid":"x")"));
    ASSERT_EQ(request.run(*it.plugin), -1);
    it.fetcher.answer(wrong);
    EXPECT_EQ(request.resume(*it.plugin), 401);
    EXPECT_EQ(status_of(*it.plugin, token(rsa(), "RS256", R"(,"kid":"a")")), 0);
  }
}

}  // namespace
}  // namespace pingap::plugin
