#include "config/layout.h"

#include <gtest/gtest.h>

namespace pingap::config {
namespace {

constexpr const char* kWhole = R"(# The file.

[basic]
threads = 1

# Of the shop.
[upstreams.api]  # here
addrs = [
  "127.0.0.1:1",  # [not.a.header]
]
[upstreams.api.health]
path = "/"

[locations."a b"]
upstream = "api"
note = """
[servers.none]
"""
[servers.main]
addr = "127.0.0.1:2"
locations = ["a b"]
[upstreams.other]
addrs = ["127.0.0.1:3"])";

std::string text_at(const std::vector<Text>& texts, std::string_view path) {
  const auto found = std::ranges::find(texts, path, &Text::path);
  return found == texts.end() ? "none" : found->text;
}

TEST(Layout, TakesATextApart) {
  const auto items = split_into_items({"t", kWhole, "pingap.toml"});
  ASSERT_TRUE(items) << items.error();
  ASSERT_EQ(items->size(), 5u);
  EXPECT_EQ(text_at(*items, "basic.toml"), "# The file.\n\n[basic]\nthreads = 1\n");
  EXPECT_EQ(text_at(*items, "upstreams/api.toml"),
            "\n# Of the shop.\n[upstreams.api]  # here\naddrs = [\n  \"127.0.0.1:1\",  # "
            "[not.a.header]\n]\n[upstreams.api.health]\npath = \"/\"\n");
  EXPECT_EQ(text_at(*items, "locations/a b.toml"),
            "\n[locations.\"a b\"]\nupstream = \"api\"\nnote = \"\"\"\n[servers.none]\n\"\"\"\n");
  EXPECT_EQ(text_at(*items, "upstreams/other.toml"),
            "[upstreams.other]\naddrs = [\"127.0.0.1:3\"]\n");
}

TEST(Layout, JoinsWhatItHasTakenApart) {
  const auto items = split_into_items({"t", kWhole, "pingap.toml"});
  ASSERT_TRUE(items);
  const auto whole = join_into_one(*items);
  ASSERT_TRUE(whole) << whole.error();
  const auto again = split_into_items(*whole);
  ASSERT_TRUE(again) << again.error();
  EXPECT_EQ(*again, *items);
}

TEST(Layout, GivesHeadersToTextsWithoutThem) {
  const auto whole = join_into_one({
      {"s", "addr = \"127.0.0.1:1\"\n", "servers/main.toml"},
      {"u", "# mine\naddrs = [\"a\"]\n[health]\npath = \"/\"\n[[x]]\n", "upstreams/a.b.toml"},
      {"b", "threads = 1", "basic.toml"},
  });
  ASSERT_TRUE(whole) << whole.error();
  EXPECT_EQ(whole->text,
            "[basic]\nthreads = 1\n[upstreams.\"a.b\"]\n# mine\naddrs = [\"a\"]\n"
            "[upstreams.\"a.b\".health]\npath = \"/\"\n[[upstreams.\"a.b\".x]]\n"
            "[servers.main]\naddr = \"127.0.0.1:1\"\n");
}

TEST(Layout, RefusesWhatHasNoPlaceOfItsOwn) {
  for (const char* text : {"upstreams.api.addrs = [\"a\"]\n", "[upstreams]\napi = {}\n",
                           "[upstreams.\"a/b\"]\naddrs = []\n", "[\"a\\u0041\"]\nx = 1\n"}) {
    EXPECT_FALSE(split_into_items({"t", text, "pingap.toml"})) << text;
  }
}

TEST(Layout, RefusesToJoinWhatWouldMeanSomethingElse) {
  EXPECT_FALSE(join_into_one({{"a", "[basic]\n", "a.toml"}, {"b", "[basic]\n", "b.toml"}}));
  EXPECT_FALSE(
      join_into_one({{"a", "[basic]\n", "a.toml"}, {"b", "upstreams.a.addrs = []\n", "b.toml"}}));
}

TEST(Layout, AnEmptyHeaderIsNoEntry) {
  const auto items =
      split_into_items({"t", "[upstreams]\n[upstreams.a]\naddrs = []\n", "pingap.toml"});
  ASSERT_TRUE(items) << items.error();
  EXPECT_EQ(items->size(), 1u);
}

TEST(Layout, APlaceSaysWhichHeaderMayBeLeftOut) {
  using Keys = std::vector<std::string>;
  EXPECT_EQ(headers_of("basic.toml"), Keys{"basic"});
  EXPECT_EQ(headers_of("upstreams/api.v1.toml"), (Keys{"upstreams", "api.v1"}));
  for (const char* path : {"pingap.toml", "upstreams.toml", "basic/x.toml", "x/y.toml",
                           "upstreams/a/b.toml", "upstreams/api", "upstreams/.toml"}) {
    EXPECT_EQ(headers_of(path), Keys{}) << path;
  }
}

}  // namespace
}  // namespace pingap::config
