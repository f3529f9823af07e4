// What is another in one configuration than in another, key by key, by what it means: the order of
// texts, comments and other spellings of the same value are no difference. Control thread.
#pragma once

#include <string>
#include <vector>

#include "config/loader.h"
#include "config/model.h"

namespace pingap::config {

struct Side {
  const Model& model;
  const std::vector<Text>& texts;
};

// For people, a line for each item and each key; empty where there is no difference. Secrets are
// not shown.
//
//   ~ upstreams.api
//       read_timeout: "60s" -> "10s"
//       + max_fails: 5
//   + locations.docs
//   - servers.old
std::string difference(const Side& before, const Side& after);

}  // namespace pingap::config
