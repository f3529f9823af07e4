// What it costs to choose a server, by algorithm and number of servers: wall time and user
// instructions (where the kernel lets us count them) of one pick.
//
//   cmake --build build/release --target pick_bench && build/release/pick_bench
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <linux/perf_event.h>
#include <memory>
#include <string>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

#include "base/hash.h"
#include "upstream/balancer/balancer.h"
#include "upstream/endpoint_set.h"

namespace {

using pingap::config::Algorithm;
using pingap::upstream::EndpointState;
namespace balancer = pingap::upstream::balancer;

constexpr uint64_t kPicks = 1'000'000;

int instruction_counter() {
  perf_event_attr attr{};
  attr.type = PERF_TYPE_HARDWARE;
  attr.size = sizeof attr;
  attr.config = PERF_COUNT_HW_INSTRUCTIONS;
  attr.exclude_kernel = 1;
  return static_cast<int>(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0));
}

uint64_t read_counter(int counter) {
  uint64_t value = 0;
  return counter >= 0 && read(counter, &value, sizeof value) == sizeof value ? value : 0;
}

uint32_t load_of(size_t server) {
  return static_cast<uint32_t>(pingap::mix64(server) % 8);
}

std::string name_of(size_t server) {
  return "10.0." + std::to_string(server / 256) + "." + std::to_string(server % 256) + ":80";
}

template <typename Pick>
void measure(const char* name, size_t servers, int counter, Pick pick) {
  uint64_t sum = 0;
  for (uint64_t i = 0; i < kPicks / 10; ++i) {
    sum += static_cast<uint64_t>(pick(i));
  }
  const uint64_t instructions = read_counter(counter);
  const auto from = std::chrono::steady_clock::now();
  for (uint64_t i = 0; i < kPicks; ++i) {
    sum += static_cast<uint64_t>(pick(i));
  }
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - from;
  std::printf("%-22s %5zu servers: %6.1f ns, %5.0f instructions  (%lu)\n", name, servers,
              took.count() / kPicks,
              static_cast<double>(read_counter(counter) - instructions) / kPicks, sum % 10);
}

void measure_plan(const char* name, Algorithm algorithm, size_t servers, int counter) {
  std::vector<std::unique_ptr<EndpointState>> states;
  std::vector<balancer::Server> all;
  for (size_t i = 0; i < servers; ++i) {
    states.push_back(std::make_unique<EndpointState>());
    states.back()->active = load_of(i);
    all.push_back({name_of(i), 1, states.back().get()});
  }
  const balancer::Plan plan(algorithm, all);
  balancer::Cursor cursor = plan.start(0, 1);
  measure(name, servers, counter, [&](uint64_t i) {
    balancer::Request request;
    if (algorithm == Algorithm::ip_hash) {
      request.key = pingap::mix64(i);
    }
    return plan.pick(request, cursor);
  });
}

// What comes on top: tiers (the first is out in `tiers`), newcomers, clients that come back.
void measure_set(const char* name, const pingap::upstream::Balancing& balancing, bool tiers,
                 size_t servers, int counter) {
  pingap::upstream::Endpoints all;
  for (size_t i = 0; i < servers; ++i) {
    auto made = std::make_shared<pingap::upstream::Endpoint>();
    made->name = name_of(i);
    made->priority = tiers && i >= servers / 2 ? 1 : 0;
    made->state = std::make_shared<EndpointState>();
    made->state->active = load_of(i);
    made->state->set_out(pingap::upstream::Out::unhealthy, tiers && made->priority == 0);
    if (i % 2 == 0) {
      made->state->begin(pingap::steady_now());
    }
    all.push_back(std::move(made));
  }
  const pingap::upstream::EndpointSet set(balancing, std::move(all));
  auto cursors = set.start(0, 1);
  const bool sticky = !balancing.sticky_secret.empty();
  balancer::Request request;
  request.now = pingap::steady_now();
  measure(name, servers, counter, [&](uint64_t i) {
    return sticky ? set.find(set.token(i % servers), request) : set.pick(request, cursors);
  });
}

}  // namespace

int main() {
  const int counter = instruction_counter();
  pingap::upstream::Balancing slow;
  slow.slow_start = std::chrono::hours(1);
  pingap::upstream::Balancing sticky;
  sticky.sticky_secret = "s";
  for (const size_t servers : {size_t{3}, size_t{32}, size_t{64}, size_t{1000}}) {
    measure_plan("round_robin", Algorithm::round_robin, servers, counter);
    measure_plan("least_conn", Algorithm::least_conn, servers, counter);
    measure_plan("random", Algorithm::random, servers, counter);
    measure_plan("ip_hash", Algorithm::ip_hash, servers, counter);
    measure_set("the first tier is out", {}, true, servers, counter);
    measure_set("slow start of half", slow, false, servers, counter);
    measure_set("sticky", sticky, false, servers, counter);
  }
}
