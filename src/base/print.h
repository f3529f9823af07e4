// Lines for people as they are, such as the errors of a configuration, to stderr. What cannot be
// written is lost: a full disk or a pipe without a reader does not end the process. Any thread.
#pragma once

#include <string_view>

namespace pingap {

void print_error(std::string_view lines) noexcept;

}  // namespace pingap
