#include "base/trouble.h"

#include <algorithm>
#include <mutex>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace pingap {
namespace {

struct Registry {
  std::mutex mutex;
  std::unordered_map<const Trouble*, Trouble::Report> reports;
};

Registry& registry() {
  static Registry one;
  return one;
}

}  // namespace

// The registry is there before whoever may be in trouble, and so goes after it.
Trouble::Trouble(Part part, std::string name) : part_(part), name_(std::move(name)) {
  registry();
}

Trouble::~Trouble() {
  end();
}

void Trouble::begin(std::string what) {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  const auto [known, is_new] = all.reports.try_emplace(this, Report{part_, name_, {}, wall_now()});
  known->second.what = std::move(what);
}

void Trouble::end() noexcept {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  all.reports.erase(this);
}

std::vector<Trouble::Report> Trouble::all() {
  std::vector<Report> found;
  {
    Registry& all = registry();
    const std::lock_guard lock(all.mutex);
    found.reserve(all.reports.size());
    for (const auto& [who, report] : all.reports) {
      found.push_back(report);
    }
  }
  std::ranges::sort(found, {}, [](const Report& one) {
    return std::tie(one.part, one.name, one.since, one.what);
  });
  return found;
}

std::string_view to_string(Trouble::Part part) noexcept {
  switch (part) {
    case Trouble::Part::certificates:
      return "certificates";
    case Trouble::Part::configuration:
      return "configuration";
    case Trouble::Part::discovery:
      return "discovery";
    case Trouble::Part::logging:
      return "logging";
    case Trouble::Part::metrics:
      return "metrics";
    case Trouble::Part::plugin:
      return "plugin";
    case Trouble::Part::tracing:
      return "tracing";
    case Trouble::Part::upstream:
      break;
  }
  return "upstream";
}

}  // namespace pingap
