#include "plugin/security/pattern_list.h"

#include <algorithm>

namespace pingap::plugin {
namespace {

constexpr size_t kFew = 8;  // tried one by one, which allocates nothing

}  // namespace

void PatternList::add(std::string_view pattern, Position at, config::Reader& reader) {
  if (auto made = Regex::create(pattern, RegexCase::insensitive)) {
    patterns_.push_back(std::move(*made));
  } else {
    reader.error(at, {std::move(made.error()), {}, {}});
  }
}

void PatternList::compile(Position at, config::Reader& reader) {
  if (patterns_.size() <= kFew) {
    return;
  }
  set_ = std::make_unique<RegexSet>(RegexCase::insensitive);
  for (const Regex& pattern : patterns_) {
    if (auto added = set_->add(pattern.pattern()); !added) {
      reader.error(at, {std::move(added.error()), {}, {}});
    }
  }
  if (auto compiled = set_->compile(); !compiled) {
    reader.error(at, {std::move(compiled.error()), {}, {}});
  }
}

bool PatternList::match(std::string_view text) const noexcept {
  const auto fits = [&](const Regex& pattern) { return pattern.matches(text); };
  if (set_ == nullptr) {
    return std::ranges::any_of(patterns_, fits);
  }
  // What the set finds may be more than what matches: without memory it says all.
  static thread_local std::vector<int> found;
  return set_->match(text, found) && std::ranges::any_of(found, [&](int index) {
           return fits(patterns_[static_cast<size_t>(index)]);
         });
}

}  // namespace pingap::plugin
