// What can only be checked when all sections are read: names that refer to each other, addresses
// listened on twice, locations that can never be reached. Control thread.
#pragma once

#include "config/diagnostics.h"
#include "config/model.h"

namespace pingap::config {

void check_model(const Model& model, Diagnostics& diagnostics);

}  // namespace pingap::config
