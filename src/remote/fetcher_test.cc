#include "remote/fetcher.h"

#include <future>

#include <gtest/gtest.h>

namespace pingap::remote {
namespace {

using Answer = tl::expected<std::string, std::string>;

TEST(HttpFetcher, TellsWhatFails) {
  HttpFetcher fetcher;
  std::promise<Answer> answer;
  // Nobody listens on port 1.
  fetcher.get({"http://127.0.0.1:1/keys", 1000, std::chrono::seconds(5)},
              [&](Answer got) { answer.set_value(std::move(got)); });
  const Answer got = answer.get_future().get();
  ASSERT_FALSE(got);
  EXPECT_NE(got.error(), "");
}

TEST(HttpFetcher, TakesNoOtherSchemes) {
  HttpFetcher fetcher;
  std::promise<Answer> answer;
  fetcher.get({"file:///etc/hostname", 1000, std::chrono::seconds(5)},
              [&](Answer got) { answer.set_value(std::move(got)); });
  EXPECT_FALSE(answer.get_future().get());
}

TEST(HttpFetcher, AfterItsEndNobodyIsCalled) {
  HttpFetcher fetcher;
  fetcher.stop();
  fetcher.get({"http://127.0.0.1:1/keys", 1000, std::chrono::seconds(5)},
              [](const Answer&) { ADD_FAILURE(); });
  fetcher.stop();
}

}  // namespace
}  // namespace pingap::remote
