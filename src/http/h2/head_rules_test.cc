#include "http/h2/head_rules.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "http/hpack/field_rules.h"

namespace pingap::http::h2 {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;
using Kind = HeadRules::Kind;

class Rules : public testing::Test {
 protected:
  bool holds(Kind kind, const Fields& fields, End end = End::yes) {
    HeadRules rules(kind, message, extended);
    for (const auto& [name, value] : fields) {
      if (!rules.add({hpack::identify(name), value, hpack::is_field_value(value)})) {
        return false;
      }
    }
    return rules.finish(end);
  }

  // A GET with fields put in front, in the middle and behind.
  bool request(const Fields& more, End end = End::yes) {
    message = Message();
    Fields fields = {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}};
    fields.insert(fields.end(), more.begin(), more.end());
    return holds(Kind::request, fields, end);
  }

  bool pseudo(const Fields& fields) {
    message = Message();
    return holds(Kind::request, fields, End::no);
  }

  bool response(const std::string& status, const Fields& more = {}, End end = End::no,
                Message::Request to = Message::Request::other) {
    message = Message(to);
    Fields fields = {{":status", status}};
    fields.insert(fields.end(), more.begin(), more.end());
    return holds(Kind::response, fields, end);
  }

  Message message;
  bool extended = false;
};

TEST_F(Rules, RequestsMayHaveAnyOtherField) {
  EXPECT_TRUE(request({{"accept", "*/*"}, {"x-odd", ""}, {"te", "trailers"}, {"host", "a"}}));
}

TEST_F(Rules, FieldsOfAConnectionAreMalformed) {  // RFC 9113 8.2.2
  for (const char* name :
       {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}) {
    EXPECT_FALSE(request({{name, "x"}})) << name;
    EXPECT_FALSE(response("200", {{name, "x"}})) << name;
  }
  EXPECT_FALSE(request({{"te", "gzip"}}));
  EXPECT_TRUE(request({{"te", "Trailers"}}));
}

TEST_F(Rules, NamesAndValuesAreChecked) {
  EXPECT_FALSE(request({{"X-Upper", "1"}}));
  EXPECT_FALSE(request({{"", "1"}}));
  EXPECT_FALSE(request({{"x", "a\r\nb"}}));
  EXPECT_FALSE(request({{"x", " a"}}));
}

TEST_F(Rules, PseudoFieldsAreOnceInFrontAndKnown) {  // RFC 9113 8.3
  EXPECT_FALSE(request({{":path", "/"}}));
  EXPECT_FALSE(request({{"x", "1"}, {":authority", "a"}}));
  EXPECT_FALSE(pseudo({{":method", "GET"}, {"x", "1"}, {":scheme", "http"}, {":path", "/"}}));
  EXPECT_FALSE(request({{":odd", "1"}}));
  EXPECT_FALSE(request({{":status", "200"}}));
  EXPECT_FALSE(response("200", {{":path", "/"}}));
}

TEST_F(Rules, RequestsSayWhatAndWhere) {
  const Fields whole = {
      {":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}};
  for (size_t left_out = 0; left_out < whole.size(); ++left_out) {
    Fields fields = whole;
    fields.erase(fields.begin() + static_cast<std::ptrdiff_t>(left_out));
    EXPECT_FALSE(pseudo(fields)) << whole[left_out].first;
  }
  EXPECT_TRUE(pseudo({{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {"host", "a"}}));
  EXPECT_FALSE(pseudo(
      {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {"host", "a"}, {"host", "a"}}));
  EXPECT_FALSE(pseudo({{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {"host", ""}}));
}

TEST_F(Rules, PseudoFieldsHaveGoodValues) {
  const auto with = [this](const std::string& name, const std::string& value) {
    Fields fields = {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}};
    for (auto& field : fields) {
      field.second = field.first == name ? value : field.second;
    }
    return pseudo(fields);
  };
  for (const auto& [name, bad] : Fields{{":method", "GET /x HTTP/1.1"},
                                        {":method", ""},
                                        {":path", ""},
                                        {":path", "x"},
                                        {":path", "/a b"},
                                        {":path", "*"},
                                        {":path", "http://a.test/x"},
                                        {":scheme", "http://x/?"},
                                        {":scheme", "1"},
                                        {":scheme", ""},
                                        {":authority", ""}}) {
    EXPECT_FALSE(with(name, bad)) << name << " " << bad;
  }
  EXPECT_TRUE(with(":scheme", "HTTPS"));
  EXPECT_TRUE(with(":path", "/\xc3\xa4"));
  EXPECT_TRUE(
      pseudo({{":method", "OPTIONS"}, {":scheme", "http"}, {":path", "*"}, {":authority", "a"}}));
}

TEST_F(Rules, ConnectHasAnAuthorityAlone) {  // RFC 9113 8.5
  EXPECT_TRUE(pseudo({{":method", "CONNECT"}, {":authority", "a"}}));
  EXPECT_FALSE(pseudo({{":method", "CONNECT"}, {":authority", "a"}, {":path", "/"}}));
  EXPECT_FALSE(pseudo({{":method", "CONNECT"}, {"host", "a"}}));
}

TEST_F(Rules, ExtendedConnectIsThereWhereItWasSaid) {  // RFC 8441 4
  const Fields whole = {{":method", "CONNECT"},
                        {":protocol", "websocket"},
                        {":scheme", "http"},
                        {":path", "/"},
                        {":authority", "a"}};
  EXPECT_FALSE(pseudo(whole));
  extended = true;
  EXPECT_TRUE(pseudo(whole));
  EXPECT_FALSE(request({{":protocol", "websocket"}})) << "no CONNECT";
}

TEST_F(Rules, LengthOfTheBodyIsTheOneThatWasSaid) {
  EXPECT_FALSE(request({{"content-length", "5"}}));
  EXPECT_TRUE(request({{"content-length", "0"}}));
  ASSERT_TRUE(request({{"content-length", "5"}}, End::no));
  EXPECT_TRUE(message.add_body(3));
  EXPECT_FALSE(message.may_end());
  EXPECT_TRUE(message.add_body(2));
  EXPECT_TRUE(message.may_end());
  EXPECT_FALSE(message.add_body(1));
}

TEST_F(Rules, LengthIsOneNumber) {
  for (const char* bad : {"+5", "-1", "5, 5", "0x5", "", "9999999999999999999"}) {
    EXPECT_FALSE(request({{"content-length", bad}}, End::no)) << bad;
  }
  EXPECT_FALSE(request({{"content-length", "5"}, {"content-length", "5"}}, End::no));
}

TEST_F(Rules, TrailersEndTheMessage) {  // RFC 9113 8.1
  ASSERT_TRUE(request({}, End::no));
  EXPECT_FALSE(holds(Kind::trailers, {{"x-t", "1"}}, End::no));
  EXPECT_FALSE(holds(Kind::trailers, {{":path", "/"}}));
  EXPECT_FALSE(holds(Kind::trailers, {{"content-length", "1"}}));
  EXPECT_TRUE(holds(Kind::trailers, {{"content-length", "0"}}));
  EXPECT_FALSE(holds(Kind::trailers, {{"host", "b"}}));
  EXPECT_TRUE(holds(Kind::trailers, {{"x-t", "1"}}));
  ASSERT_TRUE(request({{"content-length", "1"}}, End::no));
  EXPECT_FALSE(holds(Kind::trailers, {{"x-t", "1"}})) << "a byte is missing";
}

TEST_F(Rules, ResponsesHaveAStatus) {
  for (const char* good : {"200", "404", "599", "999"}) {
    EXPECT_TRUE(response(good)) << good;
  }
  for (const char* bad : {"", "20", "2000", "099", "abc", "101", "+20"}) {
    EXPECT_FALSE(response(bad)) << bad;
  }
  message = Message();
  EXPECT_FALSE(holds(Kind::response, {{"x", "1"}}));
}

TEST_F(Rules, InterimResponsesAreNoEnd) {
  EXPECT_TRUE(response("103", {{"link", "x"}}));
  EXPECT_FALSE(message.has_head());
  EXPECT_FALSE(response("103", {}, End::yes));
  EXPECT_FALSE(response("100", {{"content-length", "0"}}));
}

TEST_F(Rules, ResponsesWithoutABodyHaveNone) {
  for (const auto& [status, to] : {std::pair{"204", Message::Request::other},
                                   {"304", Message::Request::other},
                                   {"200", Message::Request::head}}) {
    ASSERT_TRUE(response(status, {}, End::no, to));
    EXPECT_FALSE(message.add_body(1)) << status;
  }
  EXPECT_TRUE(response("304", {{"content-length", "9"}}, End::yes));
  EXPECT_TRUE(response("200", {{"content-length", "9"}}, End::yes, Message::Request::head));
  EXPECT_FALSE(response("200", {{"content-length", "9"}}, End::yes));
  EXPECT_FALSE(response("204", {{"content-length", "9"}}, End::yes));
}

TEST_F(Rules, TunnelsHaveNoLength) {
  ASSERT_TRUE(response("200", {{"content-length", "1"}}, End::no, Message::Request::connect));
  EXPECT_TRUE(message.add_body(100));
  EXPECT_TRUE(message.may_end());
}

}  // namespace
}  // namespace pingap::http::h2
