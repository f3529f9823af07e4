#include "base/trouble.h"

#include <optional>
#include <thread>

#include <gtest/gtest.h>

namespace pingap {
namespace {

std::string shown() {
  std::string text;
  for (const Trouble::Report& one : Trouble::all()) {
    text += std::string(to_string(one.part)) + " " + one.name + ": " + one.what + "\n";
  }
  return text;
}

TEST(Trouble, IsThereUntilItEnds) {
  Trouble one(Trouble::Part::discovery, "api");
  EXPECT_EQ(shown(), "");
  one.begin("no answer");
  EXPECT_EQ(shown(), "discovery api: no answer\n");
  one.end();
  EXPECT_EQ(shown(), "");
  one.end();
}

TEST(Trouble, KeepsItsTimeWhereItGetsWorse) {
  Trouble one(Trouble::Part::discovery, "api");
  one.begin("no answer");
  const WallTime since = Trouble::all().at(0).since;
  one.begin("no connection");
  ASSERT_EQ(Trouble::all().size(), 1U);
  EXPECT_EQ(Trouble::all().at(0).since, since);
  EXPECT_EQ(Trouble::all().at(0).what, "no connection");
}

TEST(Trouble, GoesWithWhoHadIt) {
  std::optional<Trouble> one(std::in_place, Trouble::Part::plugin, "p");
  one->begin("x");
  one.reset();
  EXPECT_EQ(shown(), "");
}

TEST(Trouble, OfOneNameMayBeSeveral) {
  Trouble b(Trouble::Part::upstream, "b");
  Trouble a(Trouble::Part::upstream, "a");
  Trouble first(Trouble::Part::certificates, "z");
  Trouble second(Trouble::Part::certificates, "z");
  for (Trouble* one : {&b, &a, &first, &second}) {
    one->begin("x");
  }
  EXPECT_EQ(shown(), "certificates z: x\ncertificates z: x\nupstream a: x\nupstream b: x\n");
}

TEST(Trouble, ComesFromAnyThread) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([] {
      for (int turn = 0; turn < 100; ++turn) {
        Trouble one(Trouble::Part::plugin, "p");
        one.begin("x");
        EXPECT_FALSE(Trouble::all().empty());
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(shown(), "");
}

}  // namespace
}  // namespace pingap
