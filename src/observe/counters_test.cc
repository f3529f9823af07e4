#include "observe/counters.h"

#include <gtest/gtest.h>

namespace pingap::observe {
namespace {

TEST(Counters, SaysNothingOfNothing) {
  EXPECT_EQ(Totals().to_string(), "");
}

TEST(Counters, AddsUpWhatWorkersCounted) {
  Counters first;
  Counters second;
  first.count_handshake(false);
  second.count_handshake(true);
  Totals totals;
  first.add_to(totals);
  second.add_to(totals);
  EXPECT_EQ(totals.to_string(), "TLS handshakes 2 (1 resumed, 0 failed)");
  first.count_error(ErrorCode::h2_reset_flood);
  first.count_error(ErrorCode::h2_reset_flood);
  first.count_failed_handshake();
  second.count_error(ErrorCode::h2_protocol);
  totals = {};
  first.add_to(totals);
  EXPECT_EQ(totals.to_string(),
            "TLS handshakes 2 (0 resumed, 1 failed), errors 2 (h2_reset_flood 2)");
  totals = {};
  second.add_to(totals);
  EXPECT_EQ(totals.errors[static_cast<size_t>(ErrorCode::h2_protocol)], 1U);
}

}  // namespace
}  // namespace pingap::observe
