// What the plugins of this folder share: a list that lets in or keeps out. Any thread.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "plugin/kind.h"

namespace pingap::plugin {

inline constexpr std::array<std::string_view, 2> kListModes = {"allow", "deny"};

struct ListMode {
  Located<size_t> mode{0, {}};
  std::string message;

  bool denies() const noexcept { return mode.value == 1; }
};

// Lets through, or refuses with 403 and the message, if there is one.
Verdict decide(Context& context, bool passes, const std::string& message, std::string_view why);

}  // namespace pingap::plugin
