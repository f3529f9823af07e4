#include "remote/etcd_message.h"

#include <gtest/gtest.h>

namespace pingap::remote {
namespace {

TEST(EtcdMessage, EndsARangeBehindAllThatBeginWithThePrefix) {
  EXPECT_EQ(prefix_end("/pingap/"), "/pingap0");
  EXPECT_EQ(prefix_end("a\xff"), "b");
  EXPECT_EQ(prefix_end("\xff\xff"), std::string(1, '\0'));
}

TEST(EtcdMessage, ReadsARange) {
  const auto range = parse_range(
      R"({"header":{"cluster_id":"14841639068965178418","revision":"9007199254740993"},)"
      R"("kvs":[{"key":"L3AvYQ==","create_revision":"2","mod_revision":"7","value":"eA=="},)"
      R"({"key":"L3AvYg==","mod_revision":"5","version":"1"}],"count":"2"})");
  ASSERT_TRUE(range);
  EXPECT_EQ(range->revision, 9007199254740993);
  EXPECT_EQ(range->items, (std::vector<EtcdItem>{{"/p/a", "x", 7}, {"/p/b", "", 5}}));
  EXPECT_EQ(range->last_write(), 7);
}

TEST(EtcdMessage, RefusesWhatIsNoRange) {
  for (const char* text : {"", "[]", "<html>", "{}", R"({"header":{"revision":"x"}})",
                           R"({"header":{"revision":"1"},"kvs":[{"key":"*"}]})"}) {
    EXPECT_FALSE(parse_range(text)) << text;
  }
}

TEST(EtcdMessage, ASameRangeHasTheSameWrites) {
  const EtcdRange a{{{"a", "1", 3}, {"b", "2", 4}}, 10};
  EXPECT_TRUE(a.same_as({{{"a", "", 3}, {"b", "", 4}}, 11}));
  EXPECT_FALSE(a.same_as({{{"a", "1", 3}}, 10}));
  EXPECT_FALSE(a.same_as({{{"a", "1", 3}, {"b", "2", 5}}, 10}));
}

TEST(EtcdMessage, ReadsEvents) {
  const auto created = parse_events(R"({"result":{"header":{"revision":"3"},"created":true}})");
  EXPECT_TRUE(created->created);
  const auto events = parse_events(
      R"({"result":{"header":{"revision":"4"},"events":[{"kv":{}},{"type":"DELETE","kv":{}}]}})");
  EXPECT_EQ(events->events, 2u);
  EXPECT_EQ(events->revision, 4);
  const auto compacted =
      parse_events(R"({"result":{"header":{},"canceled":true,"compact_revision":"8"}})");
  EXPECT_TRUE(compacted->canceled);
  EXPECT_EQ(compacted->compacted, 8);
  const auto error = parse_events(
      R"({"error":{"grpc_code":14,"http_code":503,"message":"etcdserver: no leader"}})");
  EXPECT_TRUE(error->error);
  EXPECT_EQ(error->why, "etcdserver: no leader");
  EXPECT_FALSE(parse_events("{\"result\":"));
}

TEST(EtcdMessage, ReadsComplaints) {
  const auto plain = parse_complaint(R"({"error":"no","message":"no way","code":16})");
  EXPECT_EQ(plain.code, 16);
  EXPECT_EQ(plain.what, "no way");
  EXPECT_EQ(parse_complaint("<html>").what, "");
}

TEST(EtcdMessage, ReadsWhatWasWritten) {
  const auto done = parse_written(
      R"({"header":{"revision":"9"},"succeeded":true,"responses":[)"
      R"({"response_range":{"header":{"revision":"8"},"count":"5"}},{"response_txn":{}}]})");
  ASSERT_TRUE(done);
  EXPECT_TRUE(done->done);
  EXPECT_EQ(done->revision, 9);
  EXPECT_EQ(done->count, 5);
  EXPECT_FALSE(parse_written(R"({"header":{"revision":"9"}})")->done);
}

size_t count(std::string_view text, std::string_view what) {
  size_t found = 0;
  for (size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) {
    ++found;
  }
  return found;
}

// What etcd allows of one level: comparisons and operations, each.
TEST(EtcdMessage, NestsLongWrites) {
  EtcdWrite write{"/p/", {{}, 10}, {}, {}};
  for (size_t i = 0; i < kMaxWrite; ++i) {
    write.puts.push_back({"/p/" + std::to_string(i), "x"});
    write.seen.items.push_back({"/p/" + std::to_string(i), "", 5});
  }
  const std::string body = write_request(write);
  EXPECT_EQ(count(body, "request_put"), kMaxWrite);
  EXPECT_LE(count(body, "\"target\""), 64u);
  EXPECT_LE(count(body, "request_txn"), 63u);
  EXPECT_EQ(count(body, R"("mod_revision":"11")"), 1u) << "nothing newer than what was seen";
}

TEST(EtcdMessage, WritesPasswordsAsJson) {
  EXPECT_EQ(authenticate_request("a", "\"\\\n"), R"({"name":"a","password":"\"\\\u000a"})");
}

}  // namespace
}  // namespace pingap::remote
