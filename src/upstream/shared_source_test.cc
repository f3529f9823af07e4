#include "upstream/shared_source.h"

#include <gtest/gtest.h>

namespace pingap::upstream {
namespace {

class Told final : public Source {
 public:
  explicit Told(int& starts) : starts_(starts) {}

  const std::string& name() const noexcept override { return name_; }

  void start(Report report) override {
    ++starts_;
    report_ = std::move(report);
  }

  bool settled() const noexcept override { return false; }

  size_t left_out() const noexcept override { return 0; }

  void say(std::vector<Found> found) { report_(std::move(found)); }

 private:
  const std::string name_ = "told";
  int& starts_;
  Report report_;
};

TEST(SharedSource, WhoComesLaterKnowsWhatWasSaidAndItIsAskedOnce) {
  int starts = 0;
  auto made = std::make_unique<Told>(starts);
  Told& told = *made;
  SharedSource source(std::move(made));
  int first = 0;
  int second = 0;
  source.listen(&first, [&] { ++first; });
  EXPECT_FALSE(source.told());
  told.say({{"", *net::Address::parse("10.0.0.1:80")}});
  source.listen(&second, [&] { ++second; });
  EXPECT_EQ(source.told()->size(), 1U);
  EXPECT_EQ(second, 0);
  told.say({});
  EXPECT_EQ(first, 2);
  EXPECT_EQ(second, 1);
  source.forget(&first);
  told.say({});
  EXPECT_EQ(first, 2);
  EXPECT_EQ(second, 2);
  EXPECT_EQ(starts, 1);
}

}  // namespace
}  // namespace pingap::upstream
