#include "base/print.h"

#include <cerrno>
#include <unistd.h>

namespace pingap {

void print_error(std::string_view lines) noexcept {
  while (!lines.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, lines.data(), lines.size());
    if (written <= 0 && errno != EINTR) {
      return;
    }
    lines.remove_prefix(written > 0 ? static_cast<size_t>(written) : 0);
  }
}

}  // namespace pingap
