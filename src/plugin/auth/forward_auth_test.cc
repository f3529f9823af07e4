#include "plugin/auth/kinds.h"
#include "plugin/auth/test_plugin.h"

namespace pingap::plugin::test {
namespace {

constexpr const char* kPlain =
    "upstream = \"auth\"\npath = \"/verify\"\n"
    "response_headers = [\"X-User\", \"Remote-Groups\"]\n";

class ForwardAuth : public testing::Test {
 protected:
  explicit ForwardAuth(const std::string& more = "") : made_(make(kForwardAuth, kPlain + more)) {}

  // What the other server says, and what becomes of it.
  int answer(Request& request, uint16_t status, const Request& fields = Request(),
             std::string_view body = "") {
    EXPECT_EQ(request.run(*made_.plugin), -1);
    Subresponse& got = *request.subresponse;
    got.head.status = status;
    got.head.headers = http::HeaderMap::copy(fields.x.request.headers, request.x.arena, 0);
    got.body.append(body);
    return request.resume(*made_.plugin);
  }

  Made made_;
};

TEST_F(ForwardAuth, AsksWithTheHeadAndNothingOfTheBody) {
  Request request("/a/../b?c=d", "POST");
  request.x.request.authority = "a.test:8080";
  request.x.client_text = "192.0.2.1";
  for (const auto& [name, value] : {std::pair{"Cookie", "a=b"},
                                    std::pair{"Authorization", "Basic x"},
                                    std::pair{"Content-Type", "text/plain"},
                                    std::pair{"Content-Length", "3"},
                                    std::pair{"Transfer-Encoding", "chunked"},
                                    std::pair{"Expect", "100-continue"},
                                    std::pair{"TE", "trailers"},
                                    std::pair{"Upgrade", "websocket"},
                                    std::pair{"Connection", "upgrade, X-Hop"},
                                    std::pair{"X-Hop", "1"},
                                    std::pair{"If-None-Match", "\"x\""},
                                    std::pair{"Range", "bytes=0-1"},
                                    std::pair{"X-Forwarded-Method", "GET"},
                                    std::pair{"X-Forwarded-Uri", "/public"},
                                    std::pair{"X_Forwarded_Uri", "/public"},
                                    std::pair{"X-Original-URL", "/public"},
                                    std::pair{"X-Original-Method", "GET"},
                                    std::pair{"X-Original-URI", "/public"},
                                    std::pair{"X-Forwarded-For", "10.0.0.1"},
                                    std::pair{"X-Forwarded-Host", "evil"},
                                    std::pair{"X-Odd_Name", "1"}}) {
    request.with(name, value);
  }
  request.x.request.connection_names_fields = true;
  EXPECT_EQ(request.run(*made_.plugin), -1);
  const Subrequest& asked = request.asked.at(0);
  EXPECT_EQ(asked.upstream, "auth");
  EXPECT_EQ(asked.method_text, "GET");
  EXPECT_EQ(asked.target, "/verify");
  EXPECT_TRUE(asked.body.empty());
  std::string fields;
  for (const http::Field& field : asked.headers.fields()) {
    if (!field.removed()) {
      fields += std::string(field.name()) + ": " + std::string(field.value()) + "\n";
    }
  }
  EXPECT_EQ(fields,
            "Cookie: a=b\nAuthorization: Basic x\nX-Forwarded-For: 192.0.2.1\n"
            "X-Forwarded-Proto: http\nX-Forwarded-Host: a.test:8080\nX-Forwarded-Method: POST\n"
            "X-Forwarded-Uri: /b?c=d\n");
}

TEST_F(ForwardAuth, LetsInWith2xxAndItsFields) {
  for (const int status : {200, 201, 204, 299}) {
    Request request;
    request.with("X-User", "root").with("X_User", "root").with("Remote-Groups", "wheel");
    Request fields;
    fields.with("X-User", "alice").with("X-Other", "no");
    EXPECT_EQ(answer(request, static_cast<uint16_t>(status), fields), 0);
    EXPECT_EQ(request.sent("X-User"), "alice");
    EXPECT_EQ(request.sent("X_User"), "");
    EXPECT_EQ(request.sent("Remote-Groups"), "");
    EXPECT_EQ(request.sent("X-Other"), "");
    EXPECT_EQ(request.known("x_user"), "alice");
  }
}

TEST_F(ForwardAuth, GivesTheClientWhatTheServerRefusesWith) {
  for (const int status : {301, 302, 307, 400, 401, 403, 404, 429}) {
    Request request;
    Request fields;
    fields.with("Location", "https://login.test/").with("Set-Cookie", "s=1");
    fields.with("Connection", "close").with("Content-Length", "4");
    EXPECT_EQ(answer(request, static_cast<uint16_t>(status), fields, "body"), status);
    EXPECT_FALSE(request.answer.page);
    EXPECT_EQ(request.answered("Location"), "https://login.test/");
    EXPECT_EQ(request.answered("Set-Cookie"), "s=1");
    EXPECT_EQ(request.answered("Connection"), "");
    EXPECT_EQ(request.answered("Content-Length"), "");
    EXPECT_EQ(request.answer.body.front(), "body");
  }
}

TEST_F(ForwardAuth, LetsNobodyInWhereTheServerFails) {
  for (const int status : {100, 199, 304, 500, 502, 503, 599, 600, 0}) {
    Request request;
    EXPECT_EQ(answer(request, static_cast<uint16_t>(status)), 503) << status;
    EXPECT_TRUE(request.answer.page);
  }
  Request request;
  EXPECT_EQ(request.run(*made_.plugin), -1);
  request.subresponse->head.status = 200;  // and then it breaks off
  request.subresponse->error = {ErrorCode::upstream_timeout, Side::upstream, Retry::never, 0,
                                nullptr};
  EXPECT_EQ(request.resume(*made_.plugin), 503);
  Request untouched;
  EXPECT_EQ(untouched.run(*made_.plugin), -1);
  untouched.subresponse->error = {ErrorCode::no_upstream, Side::upstream, Retry::never, 0, nullptr};
  EXPECT_EQ(untouched.resume(*made_.plugin), 503);
}

TEST_F(ForwardAuth, GivesAPageForABodyThatIsTooLong) {
  Request request;
  EXPECT_EQ(request.run(*made_.plugin), -1);
  Subresponse& got = *request.subresponse;
  got.head.status = 403;
  got.cut = true;
  got.body.append("half");
  EXPECT_EQ(request.resume(*made_.plugin), 403);
  EXPECT_TRUE(request.answer.page);
}

TEST_F(ForwardAuth, AnswersACallOfGrpcInItsForm) {
  Request request;
  request.x.grpc = true;
  EXPECT_EQ(answer(request, 401, Request(), "body"), 401);
  EXPECT_TRUE(request.answer.page);
}

class ForwardAuthChosen : public ForwardAuth {
 protected:
  ForwardAuthChosen()
      : ForwardAuth(
            "request_headers = [\"Cookie\"]\nclient_headers = [\"Set-Cookie\"]\n"
            "set_headers = [\"X-Original: $request_uri\", \"X-Forwarded-Method: GET\"]") {}
};

TEST_F(ForwardAuthChosen, SendsAndTakesOnlyWhatIsListed) {
  Request request("/x y");
  request.with("Cookie", "a=b").with("Authorization", "no");
  Request fields;
  fields.with("Set-Cookie", "one").with("Set-Cookie", "two").with("X-Other", "no");
  EXPECT_EQ(answer(request, 200, fields), 0);
  const http::HeaderMap& asked = request.asked.at(0).headers;
  EXPECT_EQ(asked.get("cookie"), "a=b");
  EXPECT_EQ(asked.find("authorization"), nullptr);
  EXPECT_EQ(asked.get("x-original"), "/x y");
  EXPECT_EQ(asked.get("x-forwarded-method"), "GET");
  request.respond(*made_.plugin);
  std::string cookies;
  for (const http::Field& field : request.x.response.headers.fields()) {
    cookies += std::string(field.value()) + ";";
  }
  EXPECT_EQ(cookies, "one;two;");
}

TEST(ForwardAuthPath, CannotBeBrokenByAVariable) {
  const Made made = make(kForwardAuth, "upstream = \"auth\"\npath = \"$http_x\"");
  for (const auto& [value, target] :
       {std::pair{"/a b HTTP/1.1", "/a%20b%20HTTP/1.1"}, std::pair{"x", "/x"}, std::pair{"", "/"},
        std::pair{"/\xff#", "/%FF%23"}}) {
    Request request;
    request.with("X", value);
    EXPECT_EQ(request.run(*made.plugin), -1);
    EXPECT_EQ(request.asked.at(0).target, target);
  }
}

TEST(ForwardAuthOptions, AreChecked) {
  for (const char* options :
       {"", "upstream = \"a\"", "path = \"/\"", "upstream = \"a\"\npath = \"x\"",
        "upstream = \"a\"\npath = \"/a b\"", "upstream = \"a\"\npath = \"/\"\ntimeout = \"0s\"",
        "upstream = \"a\"\npath = \"/\"\nresponse_headers = [\"Content-Length\"]",
        "upstream = \"a\"\npath = \"/\"\nclient_headers = [\"Transfer-Encoding\"]",
        "upstream = \"a\"\npath = \"/\"\nrequest_headers = [\"a b\"]"}) {
    EXPECT_NE(make(kForwardAuth, options).errors, "") << options;
  }
}

}  // namespace
}  // namespace pingap::plugin::test
