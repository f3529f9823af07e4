#include "control/log_levels.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace pingap::control {
namespace {

Answer refuse(std::string what) {
  return {ExitCode::usage, fmt::format("pingap: {}\n", what)};
}

std::string describe(const log::Levels& levels) {
  std::string text;
  for (size_t i = 0; i < levels.size(); ++i) {
    text += fmt::format("{} {}\n", log::kComponents[i], to_string(levels[i]));
  }
  return text;
}

}  // namespace

Answer change_log_levels(std::string_view words, const log::Levels& configured) {
  log::Levels levels = log::levels();
  while (!words.empty()) {
    const size_t blank = words.find(' ');
    const std::string_view word = words.substr(0, blank);
    words = blank == std::string_view::npos ? std::string_view{} : words.substr(blank + 1);
    if (word.empty()) {
      continue;
    }
    if (word == "reset") {
      levels = configured;
      continue;
    }
    const size_t equals = word.find('=');
    const auto level =
        parse_log_level(equals == std::string_view::npos ? word : word.substr(equals + 1));
    if (!level) {
      return refuse(
          fmt::format("`{}` has no level; one of trace, debug, info, warn, error, off", word));
    }
    if (equals == std::string_view::npos) {
      levels = log::all_of(*level);
      continue;
    }
    const auto component = log::find_component(word.substr(0, equals));
    if (!component) {
      return refuse(fmt::format("`{}` is no part of the program; one of {}", word.substr(0, equals),
                                fmt::join(log::kComponents, ", ")));
    }
    levels[*component] = *level;
  }
  log::set_levels(levels);
  return {ExitCode::ok, describe(levels)};
}

}  // namespace pingap::control
