// Hostile texts (security.md CF-01).
#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "config/loader.h"
#include "config/loader_fixture.h"
#include "config/value.h"

namespace pingap::config {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace): helpers of these tests

// ------------------------------------------------------------

TEST(Limits, BoundDepthNumberAndSize) {
  const auto dotted = [](size_t depth) {
    std::string key = "a";
    for (size_t i = 0; i < depth; ++i) {
      key += ".a";
    }
    return key;
  };

  struct Case {
    std::string text;
    const char* what;
  };

  const std::string keys = [] {
    std::string text;
    for (int i = 0; i < 200'000; ++i) {
      text += "k=1\n";
    }
    return text;
  }();
  const std::string items = "a = [" + std::string(400'000, ',');
  for (const Case& one : std::initializer_list<Case>{
           {"a = " + std::string(100'000, '['), "nested more than 64 levels deep"},
           {dotted(100'000) + " = 1", "nested more than 64 levels deep"},
           {"[" + dotted(100'000) + "]", "nested more than 64 levels deep"},
           {"a = { b = \"\"\"x\"\"\"\", " + dotted(70) + " = 1 }",
            "nested more than 64 levels deep"},
           {"a = 'x' # '\n" + dotted(70) + " = 1", "nested more than 64 levels deep"},
           {keys, "more than 150000 keys and values"},
           {items, "more than 150000 keys and values"}}) {
    EXPECT_STREQ(check_limits(one.text).what, one.what);
    Diagnostics diagnostics;
    read_toml(one.text, diagnostics.add_source("t", one.text), diagnostics);
    ASSERT_EQ(diagnostics.errors(), 1u);
    EXPECT_EQ(diagnostics.entries()[0].what, one.what);
  }
  for (const std::string& fine :
       {dotted(64) + " = 1", "a = " + std::string(64, '[') + std::string(64, ']'),
        "a = \"" + std::string(1000, '[') + "\"", "# " + std::string(1000, '['),
        "a = '''\n" + std::string(1000, '.') + "'''", std::string("a = \"\\\"[[\"")}) {
    EXPECT_EQ(check_limits(fine).line, 0u) << fine.substr(0, 80);
  }
}

TEST(Limits, SayWhere) {
  const LimitProblem problem = check_limits("x = 1\nä = " + std::string(65, '['));
  EXPECT_EQ(problem.line, 2u);
  EXPECT_EQ(problem.column, 69u);
}

TEST(Limits, RefuseTooMuchText) {
  Diagnostics diagnostics;
  load({{"a", std::string(kMaxConfigSize, '#')}, {"b", "#"}}, diagnostics, environment);
  EXPECT_EQ(diagnostics.render(), "error: the configuration is too large at `b`; 8 MiB in all\n");
}

TEST(Limits, StayFastWithManyErrors) {
  std::string text = "[basic]\n";
  for (int i = 0; i < 100'000; ++i) {
    text += "threadsx" + std::to_string(i) + " = 1\n";
  }
  const auto start = std::chrono::steady_clock::now();
  const auto [model, diagnostics] = load_text(std::move(text));
  EXPECT_EQ(diagnostics.errors(), 100'001u);
  // Generous, for sanitizers on a busy machine; quadratic behaviour would take minutes.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

}  // namespace
}  // namespace pingap::config
