// What is another in one configuration than in another, by what it means.
#pragma once

#include <string>

#include "config/model.h"

namespace pingap::config {

// For people, in one line: "upstreams new: a, b; changed: c; locations gone: d". Empty where the
// two say the same.
std::string changes(const Model& before, const Model& after);

// The keys of [basic] that differ and that only a restart takes up: "threads, user". Empty: none.
std::string keys_for_restart(const Basic& before, const Basic& after);

}  // namespace pingap::config
