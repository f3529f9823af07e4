#include "control/metrics_form.h"

#include <gtest/gtest.h>

namespace pingap::control {
namespace {

using observe::Form;

TEST(MetricsForm, IsWhatTheClientAsksFor) {
  for (const std::string_view accept :
       {"application/openmetrics-text;version=1.0.0;q=0.75,text/plain;q=0.5",
        "application/openmetrics-text", "text/plain, Application/OpenMetrics-Text ; version=1.0.0",
        "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;"
        "version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"}) {
    EXPECT_EQ(choose_form(accept), Form::openmetrics) << accept;
  }
}

TEST(MetricsForm, IsTextForWhoLikesThatBetterOrSaysNothing) {
  for (const std::string_view accept :
       {"", "*/*", "text/plain, */*", "application/openmetrics-text;q=0",
        "application/openmetrics-text; version=1.0.0; Q=0.000, */*",
        "application/openmetrics-text;q=0.4,text/plain;q=0.5", "application/openmetrics-text-x",
        "application/openmetrics-text;q=nonsense"}) {
    EXPECT_EQ(choose_form(accept), Form::text) << accept;
  }
}

}  // namespace
}  // namespace pingap::control
