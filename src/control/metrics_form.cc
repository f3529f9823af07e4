#include "control/metrics_form.h"

#include "http/accept.h"

namespace pingap::control {

observe::Form choose_form(std::string_view accept) noexcept {
  const int weight = http::weight_in(accept, "application/openmetrics-text").value_or(0);
  const bool likes = weight > 0 && weight >= http::weight_in(accept, "text/plain").value_or(0);
  return likes ? observe::Form::openmetrics : observe::Form::text;
}

}  // namespace pingap::control
