#include "exchange/variables.h"

#include <array>

#include <gtest/gtest.h>

namespace pingap::exchange {
namespace {

class Variables : public testing::Test {
 protected:
  Variables() {
    head_.headers = http::HeaderMap(fields_);
    head_.method_text = "GET";
    head_.target = "/%61?b=1&c=%0d%0aSet-Cookie:%20a";
    head_.headers.add(std::string_view("X-Foo"), std::string_view("foo"));
    head_.headers.add(std::string_view("user-agent"), std::string_view("curl/8"));
    head_.headers.add(std::string_view("Cookie"), std::string_view("a=1; sid=xyz"));
    head_.headers.add(std::string_view("X-Bad"),
                      std::string_view("a\r\nSet-Cookie: x\0\x7f\t\xc4\x8d", 21));
    context_ = {.request = &head_,
                .host = "a.test",
                .target = "/a?b=1&c=%0d%0aSet-Cookie:%20a",
                .path = "/a",
                .query = "b=1&c=%0d%0aSet-Cookie:%20a",
                .scheme = "https",
                .remote_addr = "10.0.0.1",
                .client_ip = "7.7.7.7",
                .server_addr = "127.0.0.1",
                .forwarded_for = "7.7.7.7, 10.0.0.1",
                .upstream_addr = "127.0.0.1:8001",
                .server = "main",
                .location = "api",
                .upstream = "backend",
                .remote_port = 50000,
                .server_port = 443,
                .status = 200,
                .upstream_status = 201,
                .request_id = &request_id_};
  }

  std::string render(std::string_view text) {
    const auto compiled = Template::compile(text);
    return compiled ? std::string(compiled->render(context_, arena_)) : "error";
  }

  Arena arena_;
  std::array<http::Field, 8> fields_;
  http::RequestHead head_;
  std::string_view request_id_;
  VariableContext context_;
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

TEST_F(Variables, KeepDollarSigns) {
  EXPECT_EQ(render("$$host costs $5 or $"), "$host costs $5 or $");
  EXPECT_EQ(render("$$$host"), "$a.test");
  EXPECT_EQ(render(""), "");
}

TEST_F(Variables, AreNotCopiedWhenAlone) {
  const auto alone = Template::compile("$host");
  ASSERT_TRUE(alone.has_value());
  EXPECT_FALSE(alone->constant());
  EXPECT_EQ(alone->render(context_, arena_).data(), context_.host.data());
  const auto constant = Template::compile("max-age=60");
  ASSERT_TRUE(constant.has_value());
  EXPECT_TRUE(constant->constant());
  EXPECT_EQ(constant->render(context_, arena_).data(), constant->render({}, arena_).data());
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
  request_id_ = {};
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

TEST_F(Variables, ComeFromAnExchange) {
  Exchange exchange({});
  exchange.host = "h";
  exchange.client_text = "c";
  exchange.upstream_status = 502;
  const VariableContext context = variables_of(exchange);
  EXPECT_EQ(Template::compile("$host $client_ip $status")->render(context, exchange.arena),
            "h c 502");
  const auto id = Template::compile("$request_id")->render(context, exchange.arena);
  EXPECT_EQ(exchange.request_id, id);
}

}  // namespace
}  // namespace pingap::exchange
