#include "control/profile.h"

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/log.h"
#include "base/strings.h"

namespace pingap::control {
namespace {

// Code of a file in memory.
struct Mapping {
  uintptr_t begin;
  uintptr_t end;
  uintptr_t offset;  // in the file
  size_t module;
};

class Modules {
 public:
  Modules() {
    std::ifstream maps("/proc/self/maps");
    std::string line;
    while (std::getline(maps, line)) {
      add(line);
    }
  }

  void describe(uintptr_t address, std::string& to) const {
    const auto after = std::ranges::upper_bound(mappings_, address, {}, &Mapping::begin);
    if (after == mappings_.begin() || std::prev(after)->end <= address) {
      to += '?';  // made at run time
      return;
    }
    const Mapping& in = *std::prev(after);
    fmt::format_to(std::back_inserter(to), "{}:{:x}", in.module, address - in.begin + in.offset);
  }

  const std::vector<std::string>& paths() const noexcept { return paths_; }

 private:
  // "BEGIN-END r-xp OFFSET DEVICE INODE   PATH", all of it in hex but INODE.
  void add(const std::string& line) {
    char* at = nullptr;
    const uintptr_t begin = std::strtoull(line.c_str(), &at, 16);
    const uintptr_t end = std::strtoull(at + 1, &at, 16);
    const bool code = std::string_view(at).substr(0, 4).ends_with('x');  // " r-x"
    const size_t path = line.find('/');
    if (!code || path == std::string::npos) {
      return;
    }
    const uintptr_t offset = std::strtoull(at + 6, nullptr, 16);
    const std::string name = line.substr(path);
    const auto known = std::ranges::find(paths_, name);
    const auto module = static_cast<size_t>(known - paths_.begin());
    if (known == paths_.end()) {
      paths_.push_back(name);
    }
    mappings_.push_back({begin, end, offset, module});
  }

  std::vector<Mapping> mappings_;  // the kernel sorts them
  std::vector<std::string> paths_;
};

std::string text_of(const StackSampler& sampler) {
  const Modules modules;
  std::map<std::string, uint64_t> counts;
  std::string text;
  for (const StackSampler::Stack& stack : sampler.stacks()) {
    text.assign(stack.thread);
    for (size_t i = stack.depth; i-- > 0;) {
      text += ';';
      modules.describe(stack.frames[i], text);
    }
    ++counts[text];
  }
  std::string out = fmt::format("pid {}\nlost {}\n", ::getpid(), sampler.lost());
  for (const std::string& path : modules.paths()) {
    out.append("module ").append(path).append("\n");
  }
  for (const auto& [stack, count] : counts) {
    if (out.size() + stack.size() > kMaxCommand / 2) {
      break;  // the rest was seen once or twice each
    }
    fmt::format_to(std::back_inserter(out), "stack {} {}\n", count, stack);
  }
  return out;
}

}  // namespace

void Profile::take(const Command& command, CommandHandler::Reply reply) {
  const auto seconds = parse_decimal(command.field("seconds"));
  if (!seconds || *seconds == 0 || *seconds > kLongest) {
    reply({ExitCode::usage, fmt::format("pingap: a profile is of 1 to {} seconds\n", kLongest)});
    return;
  }
  if (sampler_ != nullptr) {
    reply({ExitCode::conflict, "pingap: somebody else is taking a profile\n"});
    return;
  }
  auto sampler = StackSampler::start(kPerSecond, kPerSecond * (*seconds + 1));
  if (!sampler) {
    reply({ExitCode::runtime_failure,
           fmt::format("pingap: no profile can be taken: {}\n",
                       std::generic_category().message(sampler.error().sys))});
    return;
  }
  PINGAP_LOG(info, "a profile is taken for {} s", *seconds);
  sampler_ = std::move(*sampler);
  reply_ = std::move(reply);
  loop_.arm(timer_, std::chrono::seconds(*seconds));
}

void Profile::on_timer() noexcept {
  sampler_->stop();
  Answer answer{ExitCode::runtime_failure, "pingap: the profile is too large\n"};
  try {
    answer = {ExitCode::ok, text_of(*sampler_)};
  } catch (const std::exception&) {
    answer.code = ExitCode::runtime_failure;  // out of memory; the process goes on
  }
  sampler_.reset();
  std::exchange(reply_, nullptr)(answer);
}

}  // namespace pingap::control
