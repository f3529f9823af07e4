// The order in which weighted servers take turns. Control thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace pingap::upstream::balancer {

// A round of turns: each server (an index into `weights`) as often as its weight says, the turns of
// one server as far apart as they can be (nginx's smooth weighted round robin). The weights are
// divided by what they have in common and, where the round would still be too long, made coarser:
// each server of a weight above 0 keeps at least one turn. All 0 counts as all 1.
std::vector<uint32_t> make_schedule(std::span<const uint32_t> weights);

}  // namespace pingap::upstream::balancer
