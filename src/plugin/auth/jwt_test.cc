// Tokens with a secret, and what holds for all of them: security.md JW-01, 03, 05, 06, 08 to
// 13, 15.
#include <fmt/format.h>

#include "plugin/auth/kinds.h"
#include "plugin/auth/test_plugin.h"
#include "plugin/auth/test_tokens.h"

namespace pingap::plugin {
namespace {

using test::base64url;
using test::make;
using test::Request;

constexpr std::string_view kSecret = "0123456789abcdef0123456789abcdef";
constexpr std::string_view kHead = R"({"alg":"HS256","typ":"JWT"})";
constexpr std::string_view kClaims = R"({"sub":"alice","exp":1700000100})";  // 100 s from now

std::string token_of_parts(std::string_view head, std::string_view payload,
                           const EVP_MD* hash = EVP_sha256(), std::string_view secret = kSecret) {
  const std::string text = fmt::format("{}.{}", head, payload);
  return text + "." + base64url(test::hmac(hash, secret, text));
}

std::string token(std::string_view claims = kClaims, std::string_view head = kHead) {
  return token_of_parts(base64url(head), base64url(claims));
}

std::shared_ptr<const Plugin> plugin(const std::string& more = "") {
  auto made = make(kJwt, fmt::format("secret = \"{}\"\n{}", kSecret, more));
  EXPECT_EQ(made.errors, "");
  return made.plugin;
}

int status_of(const Plugin& it, const std::string& token) {
  return Request().with("Authorization", "Bearer " + token).run(it);
}

TEST(Jwt, AGoodTokenPasses) {
  const auto it = plugin();
  Request request;
  EXPECT_EQ(request.with("Authorization", "Bearer " + token()).run(*it), 0);
  EXPECT_EQ(request.known("sub"), "alice");
  EXPECT_EQ(request.known("exp"), "1700000100");
}

TEST(Jwt, TellsWhatIsMissing) {
  const auto it = plugin("realm = \"api\"");
  Request none;
  EXPECT_EQ(none.run(*it), 401);
  EXPECT_EQ(none.answered("www-authenticate"), "Bearer realm=\"api\"");
  Request wrong;
  EXPECT_EQ(wrong.with("Authorization", "Bearer " + token(R"({"exp":1})")).run(*it), 401);
  EXPECT_EQ(wrong.answered("www-authenticate"),
            "Bearer realm=\"api\", error=\"invalid_token\", "
            "error_description=\"the token has expired\"");
}

// JW-01
TEST(Jwt, RefusesOtherAlgorithms) {
  const auto it = plugin();
  for (const char* head : {R"({"alg":"none"})",
                           R"({"alg":"None"})",
                           R"({"alg":"nOnE"})",
                           R"({"alg":""})",
                           R"({"typ":"JWT"})",
                           R"({"alg":1})",
                           R"({"alg":["HS256"]})",
                           R"({"alg":null})",
                           R"({"alg":"HS256","alg":"none"})",
                           R"({"alg":"none","alg":"HS256"})",
                           R"({"alg":"hs256"})",
                           R"({"alg":"HS256 "})",
                           R"({"alg":"HS256\u0000"})",
                           R"({"\u0061lg":"none","alg":"HS256"})",
                           R"([])",
                           R"("HS256")",
                           R"({"alg":"HS256"}x)",
                           R"({"alg":"HS256")",
                           "",
                           " "}) {
    EXPECT_EQ(status_of(*it, token(kClaims, head)), 401) << head;
    const std::string unsigned_one = base64url(head) + "." + base64url(kClaims) + ".";
    EXPECT_EQ(status_of(*it, unsigned_one), 401) << head;
  }
}

// JW-03
TEST(Jwt, TakesOnlyTheAlgorithmsThatAreListed) {
  const auto one = plugin();
  const auto two = plugin("algorithm = [\"HS384\", \"HS512\"]");
  const std::string payload = base64url(kClaims);
  const std::string hs256 = token();
  const std::string hs384 = token_of_parts(base64url(R"({"alg":"HS384"})"), payload, EVP_sha384());
  const std::string hs512 = token_of_parts(base64url(R"({"alg":"HS512"})"), payload, EVP_sha512());
  EXPECT_EQ(status_of(*one, hs256), 0);
  EXPECT_EQ(status_of(*one, hs384), 401);
  EXPECT_EQ(status_of(*one, hs512), 401);
  EXPECT_EQ(status_of(*two, hs256), 401);
  EXPECT_EQ(status_of(*two, hs384), 0);
  EXPECT_EQ(status_of(*two, hs512), 0);
}

TEST(Jwt, RefusesAWrongSignature) {
  const auto it = plugin();
  const std::string good = token();
  const std::string text = good.substr(0, good.rfind('.'));
  for (const std::string& signature :
       {std::string(32, '\0'), std::string(31, 'x'), std::string(33, 'x'), std::string(1, 'x'),
        test::hmac(EVP_sha256(), "other", text), test::hmac(EVP_sha256(), kSecret, text + "x"),
        test::hmac(EVP_sha512(), kSecret, text), test::hmac(EVP_sha256(), kSecret, text) + "x",
        test::hmac(EVP_sha256(), kSecret, text).substr(0, 16)}) {
    EXPECT_EQ(status_of(*it, text + "." + base64url(signature)), 401);
  }
}

// JW-05
TEST(Jwt, RefusesOtherNumbersOfParts) {
  const auto it = plugin();
  const std::string good = token();
  const std::string text = good.substr(0, good.rfind('.'));
  for (const std::string& wrong :
       {text + ".", text, good + ".x", good + ".x.y", good + ".", "." + good, std::string(".."),
        std::string("."), std::string("..."), std::string("x"), good.substr(good.find('.'))}) {
    EXPECT_EQ(status_of(*it, wrong), 401) << wrong;
  }
}

// JW-06: each of them is signed.
TEST(Jwt, RefusesOtherBase64) {
  const auto it = plugin();
  const std::string head = base64url(kHead);
  const std::string payload = base64url(kClaims);
  ASSERT_EQ(status_of(*it, token_of_parts(head, payload)), 0);
  for (const std::string& wrong :
       {head + "=", head + "==", head + " ", " " + head, head + "\t", head + "+", head + "/",
        head + "A", head.substr(0, 4) + "\n" + head.substr(4)}) {
    EXPECT_EQ(status_of(*it, token_of_parts(wrong, payload)), 401) << wrong;
  }
  // Of a last character only some bits count: the others are zero.
  const std::string one_byte_more = base64url(R"({"sub":"alice","exp":1700000100} )");
  ASSERT_EQ(one_byte_more.size() % 4, 0U);
  const std::string loose = base64url(R"({"sub":"alice","exp":1700000100}  )");
  ASSERT_NE(loose.size() % 4, 0U);
  ASSERT_EQ(status_of(*it, token_of_parts(head, loose)), 0);
  std::string bits = loose;
  ++bits.back();
  EXPECT_EQ(status_of(*it, token_of_parts(head, bits)), 401);
  const std::string good = token();
  for (const char* end : {"=", "A", "\n", "+"}) {
    EXPECT_EQ(status_of(*it, good + end), 401) << end;
  }
}

// JW-08
TEST(Jwt, RefusesWhatMustBeUnderstood) {
  const auto it = plugin();
  for (const char* head : {R"({"alg":"HS256","crit":["exp"]})", R"({"alg":"HS256","crit":["x"]})",
                           R"({"alg":"HS256","crit":[]})", R"({"alg":"HS256","b64":false})",
                           R"({"alg":"HS256","b64":false,"crit":["b64"]})"}) {
    EXPECT_EQ(status_of(*it, token(kClaims, head)), 401) << head;
  }
  // Keys that a token brings along are no keys.
  EXPECT_EQ(status_of(*it, token(kClaims, R"({"alg":"HS256","jku":"http://x/","x5c":["x"]})")), 0);
}

// JW-09: it is 1700000000, and clocks may differ by 30 s.
TEST(Jwt, LooksAtItsEnd) {
  const auto it = plugin();
  const auto ends = [&](std::string_view exp) {
    return status_of(*it, token(fmt::format("{{\"exp\":{}}}", exp)));
  };
  for (const char* good : {"1700000000", "1699999999", "1699999971", "1700000000.5", "1.7e9"}) {
    EXPECT_EQ(ends(good), 0) << good;
  }
  for (const char* bad : {"1699999970", "1699999969.5", "-1", "0", "1.5", "\"1700000100\"", "1e400",
                          "-1e400", "9223372036854775808", "1e300", "null", "true", "[]", "{}",
                          "[1700000100]", "NaN", "01700000100"}) {
    EXPECT_EQ(ends(bad), 401) << bad;
  }
  EXPECT_EQ(status_of(*it, token("{}")), 401);
  EXPECT_EQ(status_of(*plugin("require_exp = false"), token("{}")), 0);
  const auto strict = plugin("leeway = \"0s\"");
  EXPECT_EQ(status_of(*strict, token(R"({"exp":1700000000})")), 401);
  EXPECT_EQ(status_of(*strict, token(R"({"exp":1700000001})")), 0);
}

// JW-10
TEST(Jwt, LooksAtItsOtherClaims) {
  const auto it = plugin(R"(
issuer = ["https://a.test", "https://b.test"]
audience = "api"
required_claims = ["sub"]
token_type = "at+jwt"
)");
  const auto with = [&](const std::string& claims, std::string_view type = "at+jwt") {
    return status_of(*it, token("{\"exp\":1700000100" + claims + "}",
                                fmt::format(R"({{"alg":"HS256","typ":"{}"}})", type)));
  };
  const std::string good = R"(,"iss":"https://b.test","aud":"api","sub":"x")";
  EXPECT_EQ(with(good), 0);
  EXPECT_EQ(with(good, "application/at+JWT"), 0);
  EXPECT_EQ(with(good, "JWT"), 401);
  EXPECT_EQ(with(good + R"(,"nbf":1700000030,"iat":1700000030)"), 0);
  EXPECT_EQ(with(R"(,"iss":"https://b.test","aud":["x","api"],"sub":"x")"), 0);
  for (const char* bad :
       {R"(,"nbf":1700000031)", R"(,"iat":1700000031)", R"(,"nbf":"1")", R"(,"iat":null)"}) {
    EXPECT_EQ(with(good + bad), 401) << bad;
  }
  for (const char* bad :
       {R"(,"aud":"api","sub":"x")", R"(,"iss":"https://c.test","aud":"api","sub":"x")",
        R"(,"iss":["https://b.test"],"aud":"api","sub":"x")",
        R"(,"iss":"https://b.test","sub":"x")", R"(,"iss":"https://b.test","aud":"API","sub":"x")",
        R"(,"iss":"https://b.test","aud":[],"sub":"x")",
        R"(,"iss":"https://b.test","aud":["api",1],"sub":"x")",
        R"(,"iss":"https://b.test","aud":"api")",
        R"(,"iss":"https://b.test","aud":"api","sub":null)"}) {
    EXPECT_EQ(with(bad), 401) << bad;
  }
  EXPECT_EQ(status_of(*it, token("{\"exp\":1700000100" + good + "}", R"({"alg":"HS256"})")), 401);
}

// JW-11
TEST(Jwt, RefusesOddJson) {
  const auto it = plugin();
  const auto with = [&](const std::string& claims) {
    return status_of(*it, token("{\"exp\":1700000100" + claims + "}"));
  };
  EXPECT_EQ(with(""), 0);
  EXPECT_EQ(with(",\"a\":" + std::string(10'000, '[') + std::string(10'000, ']')), 401);
  EXPECT_EQ(with(",\"a\":" + std::string(5'000, '[') + std::string(5'000, ']')), 401);
  EXPECT_EQ(with(",\"a\":\"" + std::string(1 << 20, 'x') + "\""), 401);
  for (const char* bad :
       {",\"exp\":1700000200", ",\"a\":1,\"a\":2", ",\"a\":{\"b\":1,\"b\":2}", ",\"a\":\"\xff\"",
        ",\"a\":\"\xed\xa0\x80\"", ",\"sub\":\"a\\u0000b\"", ",\"s\\u0000b\":1",
        ",\"a\":[\"x\\u0000\"]", ",\"a\":\"\\ud800\"", ",\"a\":\"\n\"", ",\"a\":1e999", ","}) {
    EXPECT_EQ(with(bad), 401) << bad;
  }
  std::string many;
  for (int i = 0; i < 200; ++i) {
    many += fmt::format(",\"c{}\":{}", i, i);
  }
  EXPECT_EQ(with(many), 401);
}

// JW-12
TEST(Jwt, LooksInOnePlaceAndForm) {
  const auto it = plugin();
  const std::string good = token();
  for (const char* scheme : {"Bearer ", "bearer ", "BEARER "}) {
    EXPECT_EQ(Request().with("Authorization", scheme + good).run(*it), 0) << scheme;
  }
  for (const char* scheme :
       {"Bearer  ", "Bearer", "b ", "Basic ", "", " ", "Bearer\t", "Bearer="}) {
    EXPECT_EQ(Request().with("Authorization", scheme + good).run(*it), 401) << scheme;
  }
  Request two;
  EXPECT_EQ(
      two.with("Authorization", "Bearer " + good).with("Authorization", "Bearer " + good).run(*it),
      400);
  EXPECT_EQ(Request("/?token=" + good).with("Cookie", "token=" + good).run(*it), 401);
  EXPECT_EQ(Request("/?token=" + good).run(*plugin("query = \"token\"")), 0);
  EXPECT_EQ(Request().with("Cookie", "token=" + good).run(*plugin("cookie = \"token\"")), 0);
  EXPECT_EQ(Request().with("X-Token", good).run(*plugin("header = \"X-Token\"")), 0);
  EXPECT_EQ(Request().with("X-Token", "Bearer " + good).run(*plugin("header = \"X-Token\"")), 0);
}

// JW-13
TEST(Jwt, ClaimsBecomeHeaders) {
  const auto it = plugin(R"(
claim_headers = { X-User = "sub", X-Roles = "https://a.test/roles", X-Admin = "admin" }
set_headers = { X-Who = "user $auth_sub" }
hide_credentials = true
)");
  Request request;
  request
      .with("Authorization", "Bearer " + token(R"({"sub":"alice","exp":1700000100,
                                  "https://a.test/roles":["a","b"]})"))
      .with("X-User", "root")
      .with("x_user", "root")
      .with("X-Admin", "true");
  ASSERT_EQ(request.run(*it), 0);
  EXPECT_EQ(request.sent("x-user"), "alice");
  EXPECT_EQ(request.sent("x_user"), "");
  EXPECT_EQ(request.sent("x-roles"), "a,b");
  EXPECT_EQ(request.x.request.headers.find("x-admin"), nullptr);
  EXPECT_EQ(request.sent("x-who"), "user alice");
  EXPECT_EQ(request.sent("authorization"), "");
  for (const char* odd :
       {R"("a\r\nX-Admin: true")", R"("a\nb")", "{}", R"([1,2])", R"(["a","b,c"])", R"([["a"]])"}) {
    EXPECT_EQ(status_of(*it, token(fmt::format(R"({{"sub":{},"exp":1700000100}})", odd))), 401)
        << odd;
  }
}

// JW-07 where there is one key: what a token says of it does not matter, and is looked up nowhere.
TEST(Jwt, OneKeyIsForAllIds) {
  const auto it = plugin();
  EXPECT_EQ(status_of(*it, token(kClaims, R"({"alg":"HS256","kid":"../../dev/null"})")), 0);
  for (const std::string& head :
       {std::string(R"({"alg":"HS256","kid":{}})"), std::string(R"({"alg":"HS256","kid":1})"),
        R"({"alg":"HS256","kid":")" + std::string(2000, 'x') + "\"}",
        R"({"alg":"HS256","kid":")" + std::string(65536, 'x') + "\"}"}) {
    EXPECT_EQ(status_of(*it, token(kClaims, head)), 401);
  }
}

// JW-15
TEST(Jwt, RefusesAConfigurationThatIsNotSafe) {
  const std::string secret = fmt::format("secret = \"{}\"\n", kSecret);
  for (const auto& [options, why] : std::vector<std::pair<std::string, std::string>>{
           {"", "needs a key"},
           {"secret = \"\"", "empty"},
           {"secret = \"your-secret-key\"", "15 bytes"},
           {secret + "algorithm = []", "is empty"},
           {secret + "algorithm = \"none\"", "not an algorithm"},
           {secret + "algorithm = \"RS256\"", "not for RS256"},
           {secret + "algorithm = [\"HS256\", \"ES256\"]", "not for ES256"},
           {secret + "public_key = \"/nowhere\"", "several kinds"},
           {"public_key = \"/nowhere\"\nalgorithm = \"RS256\"", "cannot use"},
           {"public_key = \"/nowhere\"", "needs `algorithm`"},
           {"jwks_file = \"/nowhere\"\nalgorithm = \"RS256\"", "cannot use"},
           {"jwks_url = \"ftp://a/\"\nalgorithm = \"RS256\"", "no URL"},
           {"jwks_url = \"https://a/\"\nalgorithm = \"HS256\"", "not for HS256"},
           {secret + "leeway = \"61s\"", "too long"},
           {secret + "header = \"a\"\ncookie = \"b\"", "one place"},
           {secret + "claim_headers = [\"X-User\"]", "names no claim"},
       }) {
    const auto made = make(kJwt, options);
    EXPECT_NE(made.errors, "") << options;
    EXPECT_NE(made.errors.find(why), std::string::npos) << made.errors;
    EXPECT_EQ(made.errors.find(kSecret), std::string::npos) << made.errors;
    EXPECT_EQ(made.errors.find("your-secret"), std::string::npos) << made.errors;
  }
  EXPECT_EQ(make(kJwt, "secret = \"short\"\nallow_short_secret = true").errors, "");
}

}  // namespace
}  // namespace pingap::plugin
