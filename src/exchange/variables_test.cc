#include "exchange/variables.h"

#include <array>

#include <gtest/gtest.h>

namespace pingap::exchange {
namespace {

class Variables : public testing::Test {
 protected:
  Variables() : x_({}) {
    x_.request.headers = http::HeaderMap(fields_);
    x_.request.method_text = "GET";
    x_.request.target = "/%61?b=1&c=%0d%0aSet-Cookie:%20a";
    x_.request.headers.add(std::string_view("X-Foo"), std::string_view("foo"));
    x_.request.headers.add(std::string_view("user-agent"), std::string_view("curl/8"));
    x_.request.headers.add(std::string_view("Cookie"), std::string_view("a=1; sid=xyz"));
    x_.request.headers.add(std::string_view("X-Bad"),
                           std::string_view("a\r\nSet-Cookie: x\0\x7f\t\xc4\x8d", 21));
    x_.host = "a.test";
    x_.uri.target = "/a?b=1&c=%0d%0aSet-Cookie:%20a";
    x_.uri.path = "/a";
    x_.uri.query = "b=1&c=%0d%0aSet-Cookie:%20a";
    x_.scheme = "https";
    x_.peer_text = "10.0.0.1";
    x_.peer_port = 50000;
    x_.client_text = "7.7.7.7";
    x_.forwarded_for = "7.7.7.7, 10.0.0.1";
    x_.server_addr = "127.0.0.1";
    x_.server_port = 443;
    x_.endpoint = "127.0.0.1:8001";
    x_.server = "main";
    x_.location = "api";
    x_.upstream = "backend";
    x_.status = 200;
    x_.upstream_status = 201;
  }

  std::string render(std::string_view text) {
    const auto compiled = Template::compile(text);
    return compiled ? std::string(compiled->render(x_)) : "error";
  }

  std::array<http::Field, 8> fields_;
  Exchange x_;
};

TEST_F(Variables, StandForTheRequest) {
  const std::pair<const char*, const char*> cases[] = {
      {"$host", "a.test"},
      {"$scheme://$host$uri", "https://a.test/a?b=1&c=%0d%0aSet-Cookie:%20a"},
      {"${remote_addr}:$remote_port", "10.0.0.1:50000"},
      {"$client_ip", "7.7.7.7"},
      {"$server_addr:$server_port", "127.0.0.1:443"},
      {"$method $path $protocol", "GET /a HTTP/1.1"},
      {"$request_method $request_uri", "GET /%61?b=1&c=%0d%0aSet-Cookie:%20a"},
      {"$query", "b=1&c=%0d%0aSet-Cookie:%20a"},
      {"$args", "b=1&c=%0d%0aSet-Cookie:%20a"},
      {"<$arg_b>", "<1>"},
      {"$http_x_foo,$http_x-foo,$http_X_FOO,${http_user_agent}", "foo,foo,foo,curl/8"},
      {"$cookie_sid-", ""},
      {"${cookie_sid}-", "xyz-"},
      {"$proxy_add_x_forwarded_for", "7.7.7.7, 10.0.0.1"},
      {"$server/$location/$upstream@$upstream_addr", "main/api/backend@127.0.0.1:8001"},
      {"$status $upstream_status", "200 201"},
      {"[$http_none][$arg_none][$cookie_none]", "[][][]"},
      {"$remote_addr:$http_x-foo y ${host}", "10.0.0.1:foo y a.test"}};
  for (const auto& [text, want] : cases) {
    EXPECT_EQ(render(text), want) << text;
  }
}

TEST_F(Variables, TellWhatIsKnownOfTheClient) {
  const Known first{"user", "alice", nullptr};
  const Known second{"plan", "a\r\nb", &first};
  const Known newer{"user", "bob", &second};
  x_.known = &second;
  EXPECT_EQ(render("$auth_user/$auth_plan/$auth_none/"), "alice/a%0D%0Ab//");
  x_.known = &newer;
  EXPECT_EQ(render("${auth_user}"), "bob");
}

TEST_F(Variables, KeepDollarSigns) {
  EXPECT_EQ(render("$$host costs $5 or $"), "$host costs $5 or $");
  EXPECT_EQ(render("$$$host"), "$a.test");
  EXPECT_EQ(render(""), "");
}

TEST_F(Variables, AreNotCopiedWhenAlone) {
  const auto alone = Template::compile("$host");
  ASSERT_TRUE(alone.has_value());
  EXPECT_FALSE(alone->constant());
  EXPECT_EQ(alone->render(x_).data(), x_.host.data());
  const auto constant = Template::compile("max-age=60");
  ASSERT_TRUE(constant.has_value());
  EXPECT_TRUE(constant->constant());
  EXPECT_EQ(constant->render(x_).data(), constant->render(x_).data());
}

TEST_F(Variables, NeverBringASecondLine) {
  // HS-07
  EXPECT_EQ(render("$arg_c"), "%0d%0aSet-Cookie:%20a");
  EXPECT_EQ(render("x $http_x_bad y"), "x a%0D%0ASet-Cookie: x%00%7F\t\xc4\x8d y");
  EXPECT_EQ(render("$http_x_bad"), "a%0D%0ASet-Cookie: x%00%7F\t\xc4\x8d");
}

TEST_F(Variables, AreRefusedWhenUnknown) {
  for (const char* text : {"$nothing", "${host", "${}", "${ho st}", "$http_", "a\r\nb", "a\x7f"}) {
    EXPECT_FALSE(Template::compile(text).has_value()) << text;
  }
  const std::string error = Template::compile("$hots").error();
  EXPECT_NE(error.find("`$hots`"), std::string::npos);
  EXPECT_NE(error.find("$host,"), std::string::npos);
  EXPECT_NE(error.find("$http_NAME"), std::string::npos);
  std::string many;
  for (int i = 0; i < 40; ++i) {
    many += "$host";
  }
  EXPECT_FALSE(Template::compile(many).has_value());
}

TEST_F(Variables, MakeOneRequestIdPerExchange) {
  const std::string first = render("$request_id");
  EXPECT_EQ(first.size(), 32U);
  EXPECT_EQ(first.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_EQ(render("<$request_id>"), "<" + first + ">");
  EXPECT_EQ(x_.request_id, first);
  x_.request_id = {};
  EXPECT_NE(render("$request_id"), first);
}

TEST_F(Variables, TellTheTime) {
  const std::string iso = render("$time_iso8601");
  ASSERT_EQ(iso.size(), 20U);
  EXPECT_EQ(iso[10], 'T');
  EXPECT_EQ(iso.substr(0, 2), "20");
  EXPECT_EQ(iso.back(), 'Z');
  const std::string msec = render("$msec");
  EXPECT_EQ(msec.find('.'), msec.size() - 4);
  EXPECT_FALSE(render("$hostname").empty());
  EXPECT_TRUE(Template::compile("on $hostname")->constant());
}

TEST_F(Variables, TakeTheStatusOfTheBackendBeforeThereIsOneForTheClient) {
  x_.status = 0;
  EXPECT_EQ(render("$status"), "201");
}

}  // namespace
}  // namespace pingap::exchange
