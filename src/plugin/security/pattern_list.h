// Regular expressions of which one has to be found in a text, in any case. Built on the control
// thread, then immutable; any thread.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/regex.h"
#include "plugin/options.h"

namespace pingap::plugin {

class PatternList {
 public:
  // What is wrong with a pattern goes to `reader`.
  void add(std::string_view pattern, Position at, config::Reader& reader);
  // To be called once, after the last add().
  void compile(Position at, config::Reader& reader);

  bool match(std::string_view text) const noexcept;

 private:
  std::vector<Regex> patterns_;
  std::unique_ptr<RegexSet> set_;  // of the same, where there are many
};

}  // namespace pingap::plugin
