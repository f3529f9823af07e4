// What is valid, and yet hardly what somebody wants. Control thread.
#pragma once

#include "config/diagnostics.h"
#include "config/model.h"

namespace pingap::config {

// Warnings of a model without errors, beside those of load().
void lint(const Model& model, Diagnostics& diagnostics);

}  // namespace pingap::config
