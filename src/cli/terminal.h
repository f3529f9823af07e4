// The terminal of a program that fills it: what was there before comes back when it ends. Main
// thread; one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <termios.h>

#include <tl/expected.hpp>

#include "base/clock.h"
#include "net/fd.h"

namespace pingap::cli {

class Terminal {
 public:
  // Takes stdin and stdout, which are one. The error is a text.
  static tl::expected<Terminal, std::string> open();

  Terminal(Terminal&& from) noexcept;
  Terminal(const Terminal&) = delete;
  Terminal& operator=(Terminal&&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal();

  struct Size {
    size_t rows;
    size_t columns;
  };

  // As of now; 24 by 80 where it does not say.
  Size size() const noexcept;

  // In place of all that is shown: lines, no more than fit.
  void show(std::string_view text) const;

  enum class Event : uint8_t {
    timeout,
    resized,
    quit,  // told to end, by Ctrl-C or a signal, or nobody is there any more
    key,
  };

  struct Input {
    Event event;
    char key = 0;
  };

  // Waits for something to happen, at most that long.
  Input wait(Duration longest) const noexcept;

 private:
  Terminal(termios before, net::Fd signals) noexcept;

  termios before_;
  net::Fd signals_;  // none: moved from
};

}  // namespace pingap::cli
