// What cookies of sticky clients are made with where the configuration has no secret for them: one
// for the process, and for those that take over from it. Written before the first snapshot is
// built; control thread.
#pragma once

#include <string>
#include <string_view>

namespace pingap::proxy {

// Random, unless set.
const std::string& sticky_seed();
void set_sticky_seed(std::string seed);

// Of one upstream.
std::string sticky_secret_of(std::string_view upstream);

}  // namespace pingap::proxy
