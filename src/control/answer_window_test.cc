#include "control/answer_window.h"

#include <gtest/gtest.h>

namespace pingap::control {
namespace {

observe::Totals totals(uint64_t answers, uint64_t failed) {
  observe::Totals totals;
  totals.answers = answers;
  totals.server_errors = failed;
  return totals;
}

TEST(AnswerWindow, WhatWasLongAgoDoesNotCount) {
  AnswerWindow window(2);
  window.look(totals(100, 100));
  window.look(totals(150, 100));
  EXPECT_DOUBLE_EQ(window.lately(totals(200, 100), 20).share(), 0);
  EXPECT_DOUBLE_EQ(window.since_restart(totals(200, 100)).share(), 0.5);
}

TEST(AnswerWindow, BeforeItIsFullAllCounts) {
  AnswerWindow window(2);
  window.look(totals(100, 100));
  EXPECT_DOUBLE_EQ(window.lately(totals(200, 100), 20).share(), 0.5);
}

TEST(AnswerWindow, FewAnswersSayNothing) {
  AnswerWindow window(1);
  window.look(totals(200, 100));
  EXPECT_DOUBLE_EQ(window.lately(totals(219, 100), 20).share(), 100.0 / 219);
  EXPECT_DOUBLE_EQ(window.lately(totals(220, 100), 20).share(), 0);
}

TEST(AnswerWindow, BeginsAnew) {
  AnswerWindow window(1);
  window.look(totals(100, 100));
  window.restart(totals(200, 200));
  EXPECT_EQ(window.since_restart(totals(210, 205)).all, 10U);
  EXPECT_EQ(window.since_restart(totals(210, 205)).failed, 5U);
  EXPECT_EQ(window.lately(totals(210, 205), 1).all, 10U);
}

}  // namespace
}  // namespace pingap::control
