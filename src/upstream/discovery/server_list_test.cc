#include "upstream/discovery/server_list.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace pingap::upstream {
namespace {

// The servers, or the first problem with its place.
std::string read(const std::string& text) {
  config::Diagnostics diagnostics;
  const uint32_t source = diagnostics.add_source("f", text);
  std::string out;
  for (const Found& one : parse_server_list(text, file_rules({}, 80), source, diagnostics)) {
    out += fmt::format("{} w{} p{};", one.address.to_string(), one.weight, one.priority);
  }
  if (!diagnostics.entries().empty()) {
    const config::Diagnostic& first = diagnostics.entries().front();
    return diagnostics.place(first.at) + ": " + first.what;
  }
  return out;
}

TEST(ServerList, InToml) {
  EXPECT_EQ(read("# ours\n[[servers]]\naddr = \"10.0.0.1:81\"\nweight = 2\n[[servers]]\n"
                 "addr = \"[fd00::1]:80\"\npriority = 1\n"),
            "10.0.0.1:81 w2 p0;[fd00::1]:80 w1 p1;");
  EXPECT_EQ(read("servers = [{addr = '10.0.0.1'}, {addr = 'unix:/run/a'}]"),
            "10.0.0.1:80 w1 p0;unix:/run/a w1 p0;");
}

TEST(ServerList, InJson) {
  EXPECT_EQ(read(R"({"servers": [{"addr": "10.0.0.1:81", "weight": 0, "priority": 3}]})"),
            "10.0.0.1:81 w0 p3;");
}

TEST(ServerList, AsPrometheusHasIt) {
  EXPECT_EQ(read(R"(
[ {"targets": ["10.0.0.1:81", "10.0.0.2:81"], "labels": {"env": "a", "n": null}},
  {"targets": []}, {"targets": ["127.0.0.1:82"]} ])"),
            "10.0.0.1:81 w1 p0;10.0.0.2:81 w1 p0;127.0.0.1:82 w1 p0;");
}

TEST(ServerList, MayBeEmptyWhereItSaysSo) {
  EXPECT_EQ(read("servers = []"), "");
  EXPECT_EQ(read("{\"servers\": []}"), "");
  EXPECT_EQ(read("[]"), "");
  EXPECT_EQ(read(" [\n]"), "");
}

TEST(ServerList, ProblemsHaveAPlace) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "f:1:1: `servers` is missing"},
      {"{}", "f:1:1: `servers` is missing"},
      {"{\"servers\": [}", "f:1:14: not valid JSON: a value is missing"},
      {"{\"servers\": {}}", "f:1:13: `servers` must be a list of servers, not a table"},
      {"{\"servers\": [1]}", "f:1:14: a server must be a table, not an integer"},
      {"{\"servers\": [{}]}", "f:1:14: a server needs `addr`"},
      {"{\"servers\": [{\"addr\": null}]}", "f:1:23: `addr` must be a string, not null"},
      {"[[servers]]\naddr = 'api.internal:80'", "f:2:8: `api.internal:80` is a name"},
      {"[[servers]]\naddr = '0.0.0.0:80'", "f:2:8: `0.0.0.0:80` is not the address of one host"},
      {"[[servers]]\naddr = '10.0.0.1'\nweight = -1", "f:3:10: `weight` is out of range: -1"},
      {"[[servers]]\naddr = '10.0.0.1'\nwieght = 1", "f:3:1: unknown key `wieght` of a server"},
      {"server = []", "f:1:1: unknown key `server` of the list"},
      {"[{\"target\": []}]", "f:1:3: unknown key `target` of a group"},
      {"[{\"targets\": [\"a:80\"]}]", "f:1:15: `a:80` is a name"},
  };
  for (const auto& [text, problem] : cases) {
    EXPECT_EQ(read(text), problem) << text;
  }
}

TEST(ServerList, AnAddressThatIsRefusedIsAMistake) {
  EXPECT_EQ(read("[[servers]]\naddr = '10.0.0.1'\n[[servers]]\naddr = '169.254.169.254'"),
            "f:4:8: 169.254.169.254:80 is refused: it is link-local");
  EXPECT_EQ(read("[{\"targets\": [\"100.100.100.200\"]}]"),
            "f:1:15: 100.100.100.200:80 is refused: it tells secrets of a cloud");
}

TEST(ServerList, OfAFileMayNameThisMachine) {
  config::Discovery discovery;
  discovery.allow = {{"169.254.0.0/16", {}}};
  config::Diagnostics diagnostics;
  const auto found = parse_server_list("[{\"targets\": [\"127.0.0.1\", \"169.254.1.1\"]}]",
                                       file_rules(discovery, 81), 0, diagnostics);
  EXPECT_FALSE(diagnostics.has_errors());
  EXPECT_EQ(found.size(), 2U);
}

TEST(ServerList, TheNumberOfServersIsBounded) {
  std::string text = "[{\"targets\": [";
  for (size_t i = 0; i <= kMaxListed; ++i) {
    text += i == 0 ? "\"10.0.0.1\"" : ",\"10.0.0.1\"";
  }
  EXPECT_NE(read(text + "]}]").find("there are too many servers"), std::string::npos);
}

TEST(ServerList, AFileThatIsMissingIsAProblem) {
  config::Diagnostics diagnostics;
  EXPECT_TRUE(read_server_list("/nonexistent/servers.json", {}, diagnostics).empty());
  ASSERT_TRUE(diagnostics.has_errors());
  EXPECT_NE(diagnostics.entries()[0].what.find("`/nonexistent/servers.json`"), std::string::npos);
}

}  // namespace
}  // namespace pingap::upstream
