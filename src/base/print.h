// Lines for people as they are, such as the errors of a configuration, to stderr. What cannot be
// written is lost: a full disk or a pipe without a reader does not end the process. Any thread.
#pragma once

#include <chrono>
#include <string_view>

namespace pingap {

// A slow reader of a pipe is waited for as long as it goes on to read, so that a line of the log
// right behind finds room; one that has read nothing for `patience` gets no more.
void print_error(std::string_view lines,
                 std::chrono::milliseconds patience = std::chrono::seconds(1)) noexcept;

}  // namespace pingap
