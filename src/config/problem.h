// What is wrong with one value, before it is known where it stands. Control thread.
#pragma once

#include <string>

#include <tl/expected.hpp>

namespace pingap::config {

// Parts of a Diagnostic.
struct Problem {
  std::string what;
  std::string allowed;
  std::string hint;
};

template <class T>
using Parsed = tl::expected<T, Problem>;

inline tl::unexpected<Problem> problem(std::string what, std::string allowed = {},
                                       std::string hint = {}) {
  return tl::make_unexpected(Problem{std::move(what), std::move(allowed), std::move(hint)});
}

}  // namespace pingap::config
