// What can be told of the request line of a head that was refused, for the log. Any bytes may come
// in: nothing here is checked beyond what the log needs. Pure; any thread.
#pragma once

#include <string_view>

#include "http/head.h"

namespace pingap::http::h1 {

// Views into the head, never null; empty where nothing of the kind came.
struct RefusedLine {
  std::string_view method =
      "";  // the token that the line starts with, at most limits::kMethod bytes
  // The word behind it, at most limits::kTarget bytes, without a user's name and password and
  // without what is behind a '#'.
  std::string_view target = "";
  Version version = Version::unknown;
};

// `head`: the bytes of the head that have arrived, however few or odd.
RefusedLine read_refused_line(std::string_view head) noexcept;

}  // namespace pingap::http::h1
