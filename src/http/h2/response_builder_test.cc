#include "http/h2/response_builder.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "http/h2/head_fields.h"

namespace pingap::http::h2 {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

class Answering : public testing::Test {
 protected:
  ErrorCode answer(const std::string& status, const Fields& more, End end = End::no,
                   Method request = Method::get) {
    builder_.add({hpack::identify(":status"), std::string(status)});
    for (const auto& [name, value] : more) {
      builder_.add({hpack::identify(std::string(name)), std::string(value)});
    }
    return builder_.finish(request, end, head_);
  }

  ResponseBuilder builder_;
  ResponseHead head_;
};

TEST_F(Answering, MakesAHead) {
  ASSERT_EQ(answer("200", {{"content-type", "text/plain"}, {"x-odd", "1"}}), ErrorCode::none);
  EXPECT_EQ(head_.status, 200);
  EXPECT_EQ(head_.framing, Framing::chunked);
  EXPECT_EQ(head_.headers.get(HeaderId::content_type), "text/plain");
  EXPECT_EQ(head_.headers.get("x-odd"), "1");
}

TEST_F(Answering, TakesTheLengthThatIsSaid) {
  ASSERT_EQ(answer("200", {{"content-length", "7"}}), ErrorCode::none);
  EXPECT_EQ(head_.framing, Framing::length);
  EXPECT_EQ(head_.content_length, 7U);
}

TEST_F(Answering, KnowsAnEmptyBodyByItsEnd) {
  ASSERT_EQ(answer("200", {}, End::yes), ErrorCode::none);
  EXPECT_EQ(head_.framing, Framing::length);
  EXPECT_EQ(head_.content_length, 0U);
}

TEST_F(Answering, HeadKeepsTheLengthWithoutABody) {
  ASSERT_EQ(answer("200", {{"content-length", "7"}}, End::yes, Method::head), ErrorCode::none);
  EXPECT_EQ(head_.framing, Framing::none);
  EXPECT_TRUE(head_.has_content_length);
  EXPECT_EQ(head_.content_length, 7U);
}

TEST_F(Answering, LengthlessAnswersHaveNone) {
  for (const char* status : {"100", "103", "204"}) {
    ResponseBuilder builder;
    ResponseHead head;
    builder.add({hpack::identify(":status"), status});
    builder.add({hpack::identify("content-length"), "0"});
    ASSERT_EQ(builder.finish(Method::get, End::no, head), ErrorCode::none);
    EXPECT_EQ(head.framing, Framing::none);
    EXPECT_FALSE(head.has_content_length);
  }
}

TEST_F(Answering, RefusesWhatIsNoStatus) {
  for (const char* status : {"", "20", "101", "0200", "2xx", "1000"}) {
    ResponseBuilder builder;
    ResponseHead head;
    builder.add({hpack::identify(":status"), status});
    EXPECT_EQ(builder.finish(Method::get, End::no, head), ErrorCode::upstream_bad_head) << status;
  }
}

TEST_F(Answering, RefusesALengthThatIsNoNumber) {
  EXPECT_EQ(answer("200", {{"content-length", "+7"}}), ErrorCode::upstream_bad_framing);
}

TEST_F(Answering, RefusesMoreFieldsThanItMayKeep) {
  EXPECT_EQ(answer("200", Fields(limits::kResponseFields + 1, {"x", "y"})),
            ErrorCode::upstream_head_too_large);
}

TEST_F(Answering, MovesALargeHeadWhole) {
  Fields many;
  for (int i = 0; i < 60; ++i) {
    many.emplace_back("x-" + std::to_string(i), std::string(900, static_cast<char>('a' + i % 26)));
  }
  ASSERT_EQ(answer("200", many), ErrorCode::none);
  for (const auto& [name, value] : many) {
    EXPECT_EQ(head_.headers.get(name), value);
  }
}

// ---- what is asked

class Asking : public testing::Test {
 protected:
  Fields written() {
    Fields all;
    for (const FieldView& field : request_fields(head_, "http")) {
      all.emplace_back(field.name.text, field.value);
    }
    return all;
  }

  Asking() {
    head_.method_text = "GET";
    head_.target = "/x?y=1";
    head_.authority = "a.test:81";
    head_.headers = HeaderMap(fields_);
  }

  Field fields_[16];
  RequestHead head_;
};

TEST_F(Asking, StartsWithPseudoFields) {
  EXPECT_EQ(written(), (Fields{{":method", "GET"},
                               {":scheme", "http"},
                               {":path", "/x?y=1"},
                               {":authority", "a.test:81"}}));
}

TEST_F(Asking, LeavesOutWhatBelongsToAConnection) {
  for (const HeaderId id :
       {HeaderId::host, HeaderId::connection, HeaderId::keep_alive, HeaderId::proxy_connection,
        HeaderId::transfer_encoding, HeaderId::upgrade, HeaderId::http2_settings,
        HeaderId::content_length}) {
    head_.headers.add(id, "x");
  }
  head_.headers.add("X-Odd", "1");
  const Fields all = written();
  ASSERT_EQ(all.size(), 5U);
  EXPECT_EQ(all.back(), (std::pair<std::string, std::string>("X-Odd", "1")));
}

TEST_F(Asking, TeIsTrailersOrNothing) {
  head_.headers.add(HeaderId::te, "Trailers");
  EXPECT_EQ(written().back(), (std::pair<std::string, std::string>("te", "trailers")));
  head_.headers.set(HeaderId::te, "trailers, deflate");
  EXPECT_EQ(written().size(), 4U);
}

TEST_F(Asking, SaysALengthThatIsKnown) {
  head_.framing = Framing::length;
  head_.content_length = 7;
  EXPECT_EQ(written().back(), (std::pair<std::string, std::string>("content-length", "7")));
}

TEST_F(Asking, EmptyPathIsWhole) {
  head_.target = "?y=1";
  EXPECT_EQ(written()[2].second, "/?y=1");
}

}  // namespace
}  // namespace pingap::http::h2
