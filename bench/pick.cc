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

void measure(const char* name, Algorithm algorithm, size_t servers, int counter) {
  std::vector<std::unique_ptr<EndpointState>> states;
  std::vector<balancer::Server> all;
  for (size_t i = 0; i < servers; ++i) {
    states.push_back(std::make_unique<EndpointState>());
    states.back()->active = static_cast<uint32_t>(pingap::mix64(i) % 8);
    all.push_back({"10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256) + ":80", 1,
                   states.back().get()});
  }
  const balancer::Plan plan(algorithm, all);
  balancer::Cursor cursor = plan.start(0, 1);
  uint64_t sum = 0;
  const auto pick = [&](uint64_t i) {
    balancer::Request request;
    if (algorithm == Algorithm::ip_hash) {
      request.key = pingap::mix64(i);
    }
    sum += static_cast<uint64_t>(plan.pick(request, cursor));
  };
  for (uint64_t i = 0; i < kPicks / 10; ++i) {
    pick(i);
  }
  const uint64_t instructions = read_counter(counter);
  const auto from = std::chrono::steady_clock::now();
  for (uint64_t i = 0; i < kPicks; ++i) {
    pick(i);
  }
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - from;
  std::printf("%-12s %5zu servers: %6.1f ns, %5.0f instructions  (%lu)\n", name, servers,
              took.count() / kPicks,
              static_cast<double>(read_counter(counter) - instructions) / kPicks, sum % 10);
}

}  // namespace

int main() {
  const int counter = instruction_counter();
  for (const size_t servers : {size_t{3}, size_t{64}, size_t{1000}}) {
    measure("round_robin", Algorithm::round_robin, servers, counter);
    measure("least_conn", Algorithm::least_conn, servers, counter);
    measure("random", Algorithm::random, servers, counter);
    measure("ip_hash", Algorithm::ip_hash, servers, counter);
  }
}
