// What the variables of OpenTelemetry's own libraries say
// (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/), as defaults:
// before a section is read, as what it says goes before. Each gives what is wrong with variables.
// Control thread.
#pragma once

#include <vector>

#include "config/expand.h"
#include "config/model.h"
#include "config/problem.h"

namespace pingap::config {

std::vector<Problem> read_otel_environment(Environment environment, Tracing& out);

// Of where metrics go to; a variable that names an endpoint has them go there.
std::vector<Problem> read_otel_environment(Environment environment, Metrics& out);

// Who sends them, where no section [tracing] says so: service_name and resource_attributes.
std::vector<Problem> read_otel_resource(Environment environment, Tracing& out);

}  // namespace pingap::config
