// Hostile, long and secret values: what never stands in a line.
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "exchange/access_log.h"
#include "exchange/access_log_fixture.h"
#include "exchange/secrets.h"

namespace pingap::exchange {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace): helpers of these tests

TEST(AccessLog, StaysOneLineWhateverAFieldHolds) {
  using namespace std::string_view_literals;
  const std::string_view hostile[] = {"\n",
                                      "\r",
                                      "\r\n200 OK",
                                      "\x1b[2J",
                                      "\"",
                                      "\\",
                                      "\",\"status\":200,\"x\":\"",
                                      "\xff",
                                      "\xe2\x80\xa8",
                                      "\0"sv,
                                      "%n%s%p",
                                      "{}",
                                      "\xc2\x9b",
                                      "\xf0\x9f",
                                      "'; DROP",
                                      "</script>"};
  for (const std::string_view value : hostile) {
    for (int field = 0; field < 12; ++field) {
      Sample s;
      std::string_view* const members[] = {
          &s.x.uri.target,  &s.x.uri.path, &s.x.uri.query, &s.x.host,    &s.x.request.method_text,
          &s.x.client_text, &s.x.endpoint, &s.x.server,    &s.x.location};
      if (field < 9) {
        *members[field] = value;
      } else if (field == 9) {
        s.x.request.headers.set(HeaderId::user_agent, value);
      } else if (field == 10) {
        s.x.request.headers.set(HeaderId::referer, value);
      } else {
        s.x.request.headers.set("x-any", value);
      }
      for (const std::string_view format :
           {"json"sv, "default"sv, "combined"sv, "{>x-any} {uri}"sv}) {
        const std::string line = line_of(format, s.x);
        ASSERT_EQ(line.find('\n'), line.size() - 1);
        for (const char c : line.substr(0, line.size() - 1)) {
          ASSERT_GE(static_cast<unsigned char>(c), 0x20);
          ASSERT_NE(c, '\x7f');
        }
        if (format == "json") {
          auto object = FlatJson::read(line.substr(0, line.size() - 1));
          ASSERT_TRUE(object.has_value()) << line;
          ASSERT_EQ(object->size(), 25U);
          ASSERT_EQ((*object)["status"], "200");
        }
      }
    }
  }
}

TEST(AccessLog, RoundTripsAsciiThroughJson) {
  Sample s;
  std::string all;
  for (char c = 1; c < 0x7f; ++c) {
    all += c;
  }
  s.x.request.headers.set(HeaderId::user_agent, all);
  const std::string line = line_of("json", s.x);
  auto object = FlatJson::read(line.substr(0, line.size() - 1));
  ASSERT_TRUE(object.has_value());
  EXPECT_EQ((*object)["user_agent"], all);
}

TEST(AccessLog, CutsAFieldAtFourKibibytes) {
  Sample s;
  for (const char c : {'a', '\n', '\xff'}) {
    const std::string giant(16 * 1024, c);
    s.x.request.headers.set(HeaderId::user_agent, giant);
    const std::string line = line_of("{user_agent}|{status}", s.x);
    EXPECT_LE(line.size(), AccessLogFormat::kMaxField + 5);
    EXPECT_GT(line.size(), AccessLogFormat::kMaxField - 10);
    EXPECT_TRUE(line.ends_with("[cut]|200\n"));
  }
  const std::string fits(AccessLogFormat::kMaxField - 16, 'a');
  s.x.request.headers.set(HeaderId::user_agent, fits);
  EXPECT_EQ(line_of("{user_agent}", s.x), fits + "\n");
}

TEST(AccessLog, CutsALineAtSixteenKibibytesAndKeepsItWhole) {
  Sample s;
  const std::string giant(8000, 'g');
  s.x.uri.target = s.x.host = s.x.client_text = s.x.peer_text = s.x.endpoint = giant;
  s.x.server = s.x.location = s.x.upstream = giant;
  s.x.request.headers.set(HeaderId::user_agent, giant);
  s.x.request.headers.set(HeaderId::referer, giant);
  const std::string json = line_of("json", s.x);
  EXPECT_LE(json.size(), AccessLogFormat::kMaxLine);
  EXPECT_GT(json.size(), AccessLogFormat::kMaxLine - 100);
  auto object = FlatJson::read(json.substr(0, json.size() - 1));
  ASSERT_TRUE(object.has_value());
  EXPECT_EQ(object->size(), 25U);
  EXPECT_EQ((*object)["duration_us"], "12345");
  EXPECT_EQ((*object)["referer"], "[cut]");
  std::string many;
  for (int i = 0; i < 100; ++i) {
    many += "{uri} ";
  }
  EXPECT_LE(line_of(many, s.x).size(), AccessLogFormat::kMaxLine);
}

TEST(AccessLog, FitsAnyRoomOrWritesNothing) {
  Sample s;
  const std::string agent = std::string(300, 'a') + "\n\xff\"" + std::string(300, 'b');
  s.x.request.headers.set(HeaderId::user_agent, agent);
  s.x.uri.target = "/a?token=1&b=2&password=x";
  for (const std::string_view name : {"default", "json", "combined", "tiny"}) {
    const AccessLogFormat format = compiled(name);
    const size_t whole = line_of(format, s.x).size();
    for (size_t room = 0; room <= whole; ++room) {
      const std::string line = line_of(format, s.x, room);
      if (!line.empty()) {
        ASSERT_TRUE(line.ends_with('\n'));
        ASSERT_TRUE(name != "json" || FlatJson::read(line.substr(0, line.size() - 1)));
      }
    }
  }
}

// ---- secrets ----

TEST(AccessLog, MasksSecretHeadersAndCookies) {
  Sample s;
  s.x.request.headers.add(HeaderId::authorization, "Bearer hunter2");
  s.x.request.headers.add(HeaderId::cookie, "a=1; session=hunter2");
  s.x.request.headers.add("X-API-Key", "hunter2");
  s.x.response.headers.add(HeaderId::set_cookie, "session=hunter2");
  EXPECT_EQ(
      line_of("{>authorization} {>Cookie} {~session} {~a} {~b} {<set-cookie} {>x-api-key}", s.x),
      "*** *** *** *** - *** ***\n");
}

TEST(AccessLog, MasksWhatPluginsCallSecret) {
  Sample s;
  const SecretName argument{SecretName::In::argument, "k", nullptr};
  const SecretName header{SecretName::In::header, "X-Shop", &argument};
  s.x.secrets = &header;
  s.x.request.headers.add("x-shop", "hunter2");
  s.x.request.headers.add("k", "shown");
  s.x.uri.target = "/a?k=hunter2&x=1&%6B=hunter2&kk=2";
  s.x.uri.query = "k=hunter2&x=1&%6B=hunter2&kk=2";
  EXPECT_EQ(line_of("{>x-shop} {>k} {uri} {query}", s.x),
            "*** shown /a?k=***&x=1&%6B=***&kk=2 k=***&x=1&%6B=***&kk=2\n");
}

TEST(AccessLog, MasksSecretQueryParameters) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"/a?token=hunter2", "/a?token=***"},
      {"/a?x=1&Access_Token=hunter2&y=2", "/a?x=1&Access_Token=***&y=2"},
      {"/a?password=hunter2&password=hunter2", "/a?password=***&password=***"},
      {"/a?token", "/a?token"},
      {"/a?tokens=3&page=2", "/a?tokens=3&page=2"},
      {"/a?", "/a?"},
      {"/a?&&token=hunter2", "/a?&&token=***"},
      {"/token=hunter2", "/token=hunter2"},  // a path is what it is
      {"/a?token=hunter2=hunter2", "/a?token=***"},
      {"/a?%74oken=hunter2&b=1", "/a?%74oken=***&b=1"},
      {"/a?toke%6e=hunter2", "/a?toke%6e=***"},
      {"/a?tok%65n=hunter2", "/a?tok%65n=***"},
      {"/a?to%6Ben=hunter2&%70%61%73%73%77%6f%72%64=hunter2",
       "/a?to%6Ben=***&%70%61%73%73%77%6f%72%64=***"},
      {"/a?tokens%6e=3", "/a?tokens%6e=3"},
      {"/a?sig=hunter2&X-Goog-Signature=hunter2&AWSAccessKeyId=hunter2",
       "/a?sig=***&X-Goog-Signature=***&AWSAccessKeyId=***"},
      {"/a?x-amz-signature=hunter2&X-Amz-Security-Token=hunter2&access-token=hunter2",
       "/a?x-amz-signature=***&X-Amz-Security-Token=***&access-token=***"},
      {"/a?code=DE&key=1&state=x&design=x&idsig=1", "/a?code=DE&key=1&state=x&design=x&idsig=1"},
  };
  for (const auto& [target, shown] : cases) {
    Sample s;
    s.x.uri.target = target;
    s.x.uri.query = target.substr(std::min(target.find('?'), target.size() - 1) + 1);
    s.x.request.headers.set(HeaderId::referer, target);
    const std::string wanted = std::string(shown) + " " + std::string(shown) + "\n";
    EXPECT_EQ(line_of("{uri} {referer}", s.x), wanted);
    if (target[1] == 'a' && !s.x.uri.query.empty()) {
      EXPECT_EQ(line_of("/a?{query}", s.x), std::string(shown) + "\n");
    }
  }
}

// docs/access-log.md lists them.
TEST(AccessLog, MasksWhatItsDocumentationSays) {
  std::ifstream file(PINGAP_DOCS "/access-log.md");
  std::ostringstream docs;
  docs << file.rdbuf();
  const std::string text = docs.str();
  const auto names_between = [&](std::string_view from, std::string_view to) {
    const size_t begin = text.find(from);
    const size_t end = text.find(to, begin);
    EXPECT_LT(begin, end) << from;
    std::istringstream words(text.substr(begin + from.size(), end - begin - from.size()));
    std::vector<std::string> names;
    for (std::string word; words >> word;) {
      names.push_back(word.substr(0, word.find(',')));
    }
    return names;
  };
  const auto parameters = names_between("these query parameters:", ".\n");
  EXPECT_EQ(parameters.size(), 41U);
  for (const std::string& name : parameters) {
    EXPECT_TRUE(is_secret_parameter(name)) << name;
    EXPECT_EQ(find_secret(name + "=1", 0).begin, name.size() + 1) << name;
  }
  const auto headers = names_between("headers with addresses:", ".\n");
  EXPECT_EQ(headers.size(), 11U);
  for (const std::string& name : headers) {
    EXPECT_TRUE(is_link_header(name)) << name;
  }
}

TEST(AccessLog, MasksSecretsInAddressesWhateverTagShowsThem) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"http://a.test/x?token=hunter2&b=1#top", "http://a.test/x?token=***&b=1#top"},
      {"http://u:hunter2@x/cb?token=hunter2", "http://***@x/cb?token=***"},
      {"http://hunter2@x", "http://***@x"},
      {"//u:hunter2@x:80?a=b", "//***@x:80?a=b"},
      {"/cb#access_token=hunter2&state=7", "/cb#access_token=***&state=7"},
      {"/#/view?token=hunter2", "/#/view?token=***"},
      {"/a?next=//u:hunter2@x/&b=?sig=hunter2", "/a?next=//***@x/&b=?sig=***"},
      {"0; url=http://u:hunter2@x/?sig=hunter2", "0; url=http://***@x/?sig=***"},
      {"<http://u:p@x/>; rel=a, <//q@y?token=hunter2",
       "<http://***@x/>; rel=a, <//***@y?token=***"},
      {"/a//b@c?d", "/a//b@c?d"},  // in a path
      {"http://x/@me?", "http://x/@me?"},
      {"http://x/?own=hunter2", "http://x/?own=***"},
  };
  const std::vector<std::string> redact = {"?own"};
  const Redaction redaction(redact);
  for (const auto& [value, shown] : cases) {
    Sample s;
    s.x.redacted = redaction.first();
    for (http::HeaderMap* headers : {&s.x.request.headers, &s.x.response.headers}) {
      for (const char* name : {"Referer", "Location", "Content-Location", "Refresh", "Link"}) {
        headers->add(name, value);
      }
    }
    for (const std::string tag :
         {"{referer}", "$http_referer", "{>referer}", "{redirect}", "$sent_http_location",
          "{<location}", "{<Content-Location}", "{<refresh}", "$sent_http_link"}) {
      EXPECT_EQ(line_of(tag, s.x), std::string(shown) + "\n") << tag;
    }
  }
}

TEST(AccessLog, HidesAddressesAltogetherWhereTheConfigurationSaysSo) {
  Sample s;
  const std::vector<std::string> redact = {"referer"};
  const Redaction redaction(redact);
  s.x.redacted = redaction.first();
  s.x.request.headers.add(HeaderId::referer, "http://a.test/x?y");
  EXPECT_EQ(line_of("{referer} {>referer}", s.x), "*** ***\n");
}

}  // namespace
}  // namespace pingap::exchange
