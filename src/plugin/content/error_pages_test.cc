#include <cstdio>
#include <fstream>

#include "plugin/content/kinds.h"
#include "plugin/test_plugin.h"

namespace pingap::plugin {
namespace {

// What becomes of an answer with that status, and of its body; empty where it stays as it is.
struct Page {
  std::string body;
  std::string type;
  bool made;

  Page(const Made& made_of, Asked& asked, uint16_t status) {
    asked.respond(*made_of, status);
    Context it = asked.context();
    BodyFilter* filter = (*made_of).response_body(it);
    made = filter != nullptr;
    type = asked.got("content-type");
    if (!made) {
      return;
    }
    EXPECT_TRUE(filter->keeps_length());
    for (const char* piece : {"the other", " body", ""}) {
      ByteQueue in;
      ByteQueue out;
      in.append(piece);
      EXPECT_TRUE(filter->filter(in, out, *piece == '\0' ? End::yes : End::no));
      EXPECT_TRUE(in.empty());
      body += out.front();
    }
    EXPECT_EQ(asked.x.response.content_length, body.size());
    EXPECT_TRUE(asked.x.response.has_content_length);
    EXPECT_EQ(asked.answer.makes_body, !body.empty());
  }
};

std::string page_of(const Made& made, uint16_t status, const std::string& accept = "",
                    const std::string& target = "/") {
  Asked asked(target, {{"Accept", accept}});
  return Page(made, asked, status).body;
}

TEST(ErrorPages, AreChosenByStatus) {
  const Made made(kErrorPages,
                  "backend = true\nhtml = { \"5xx\" = \"five\", \"404\" = \"none\", "
                  "\"500-503\" = \"never\", \"503\" = \"busy\", \"429\" = \"\" }");
  EXPECT_EQ(page_of(made, 404), "none");
  EXPECT_EQ(page_of(made, 503), "busy");
  EXPECT_EQ(page_of(made, 500), "five");
  EXPECT_EQ(page_of(made, 599), "five");
  for (const int other : {200, 301, 304, 399, 400, 403}) {
    Asked asked;
    EXPECT_FALSE(Page(made, asked, static_cast<uint16_t>(other)).made) << other;
  }
  Asked asked;
  EXPECT_TRUE(Page(made, asked, 429).made);
}

TEST(ErrorPages, EscapesWhatARequestBrings) {
  const Made made(kErrorPages,
                  "backend = true\nhtml = { \"4xx\" = \"<p title='$http_q'>$http_q "
                  "$status $status_text $$x</p>\" }\n"
                  "json = { \"4xx\" = '{\"q\":\"$arg_q\",\"status\":$status}' }");
  Asked asked("/", {{"Q", "<b>'\"&"}});
  EXPECT_EQ(Page(made, asked, 404).body,
            "<p title='&lt;b&gt;&#39;&quot;&amp;'>&lt;b&gt;&#39;&quot;&amp; 404 Not Found $x</p>");
  EXPECT_EQ(page_of(made, 404, "application/json", "/?q=\"\\x"),
            "{\"q\":\"\\\"\\\\x\",\"status\":404}");
}

TEST(ErrorPages, HaveTheFormThatIsLiked) {
  const Made both(kErrorPages,
                  "backend = true\nhtml = { \"404\" = \"h\" }\njson = { \"4xx\" = \"1\" }");
  EXPECT_EQ(page_of(both, 404, "text/html"), "h");
  EXPECT_EQ(page_of(both, 404, "*/*"), "h");
  EXPECT_EQ(page_of(both, 404, "application/json, text/html;q=0.9"), "1");
  Asked asked("/", {{"Accept", "application/json"}});
  EXPECT_EQ(Page(both, asked, 404).type, "application/json");
  EXPECT_EQ(asked.got("vary"), "Accept");
  EXPECT_EQ(page_of(both, 403, "text/html"), "");
  const Made json(kErrorPages, "backend = true\njson = { \"4xx\" = \"1\" }");
  EXPECT_EQ(page_of(json, 404, "text/html"), "1");
}

TEST(ErrorPages, DropWhatTheOtherBodyWas) {
  const Made made(kErrorPages,
                  "backend = true\nhtml = { \"404\" = \"h\" }\n"
                  "headers = [\"X-Page: $status\"]");
  Asked asked;
  for (const auto& [name, value] :
       {std::pair{"Content-Encoding", "gzip"}, std::pair{"ETag", "\"1\""},
        std::pair{"Last-Modified", "x"}, std::pair{"Digest", "x"},
        std::pair{"WWW-Authenticate", "Basic"}, std::pair{"X-Page", "old"}}) {
    asked.x.response.headers.add(std::string_view(name), std::string_view(value));
  }
  EXPECT_TRUE(Page(made, asked, 404).made);
  for (const char* gone : {"content-encoding", "etag", "last-modified", "digest"}) {
    EXPECT_EQ(asked.got(gone), "") << gone;
  }
  EXPECT_EQ(asked.got("www-authenticate"), "Basic");
  EXPECT_EQ(asked.got("x-page"), "404");
}

TEST(ErrorPages, AreForAnswersOfOursOnly) {
  const Made made(kErrorPages, "html = { \"4xx\" = \"h\" }");
  Asked backend;
  EXPECT_FALSE(Page(made, backend, 404).made);
  Asked ours;
  ours.x.reason = ErrorCode::no_route;
  EXPECT_TRUE(Page(made, ours, 404).made);
  Asked plugin;
  plugin.x.reason = ErrorCode::forbidden;
  plugin.x.plugin = "p";
  EXPECT_FALSE(Page(made, plugin, 403).made);
  plugin.answer.page = true;
  EXPECT_TRUE(Page(made, plugin, 403).made);
  Asked grpc;
  grpc.x.reason = ErrorCode::no_route;
  grpc.x.grpc = true;
  EXPECT_FALSE(Page(made, grpc, 404).made);
}

TEST(ErrorPages, ComeFromFiles) {
  const std::string path = testing::TempDir() + "error_page.html";
  std::ofstream(path) << "<h1>\n$status</h1>\n";
  EXPECT_EQ(
      page_of(Made(kErrorPages, "backend = true\nhtml = { \"404\" = \"" + path + "\" }"), 404),
      "<h1>\n404</h1>\n");
  std::remove(path.c_str());
  EXPECT_TRUE(Made(kErrorPages, "html = { \"404\" = \"" + path + "\" }").failed());
}

TEST(ErrorPages, AreNotMadeOfNonsense) {
  for (const char* options :
       {"", "html = \"x\"", "html = { \"200\" = \"x\" }", "html = { \"999\" = \"x\" }",
        "html = { \"404\" = 1 }", "html = { \"404\" = \"$nothing\" }",
        "html = { \"300-404\" = \"x\" }", "html = { \"404\" = \"x\" }\nheaders = [\"X\"]"}) {
    EXPECT_TRUE(Made(kErrorPages, options).failed()) << options;
  }
}

}  // namespace
}  // namespace pingap::plugin
