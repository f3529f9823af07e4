#include "base/print.h"

#include <cerrno>
#include <climits>
#include <poll.h>
#include <unistd.h>

namespace pingap {
namespace {

// A pipe that is writable takes PIPE_BUF bytes at once, and does not let others in between.
std::string_view next_piece(std::string_view lines) noexcept {
  const std::string_view most = lines.substr(0, PIPE_BUF);
  const size_t end = most.rfind('\n');
  return most.size() == lines.size() || end == std::string_view::npos ? most
                                                                      : most.substr(0, end + 1);
}

bool wait_for_room(std::chrono::milliseconds patience) noexcept {
  pollfd room{STDERR_FILENO, POLLOUT, 0};
  return ::poll(&room, 1, static_cast<int>(patience.count())) != 0;  // what is wrong, write() tells
}

}  // namespace

void print_error(std::string_view lines, std::chrono::milliseconds patience) noexcept {
  while (wait_for_room(patience) && !lines.empty()) {
    const std::string_view piece = next_piece(lines);
    const ssize_t written = ::write(STDERR_FILENO, piece.data(), piece.size());
    if (written <= 0 && errno != EINTR) {
      return;
    }
    lines.remove_prefix(written > 0 ? static_cast<size_t>(written) : 0);
  }
}

}  // namespace pingap
