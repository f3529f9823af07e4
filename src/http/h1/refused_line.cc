#include "http/h1/refused_line.h"

#include <algorithm>

#include "http/h1/scan.h"
#include "http/limits.h"

namespace pingap::http::h1 {
namespace {

// The first line with something in it (RFC 9112 2.2), as far as it has come.
std::string_view first_line(std::string_view head) noexcept {
  constexpr std::string_view kEnds = "\r\n";
  const std::string_view line = head.substr(std::min(head.find_first_not_of(kEnds), head.size()));
  return line.substr(0, line.find_first_of(kEnds));
}

// Takes the part before the first SP off `line`, and the SP.
std::string_view take_word(std::string_view& line) noexcept {
  const size_t blank = line.find(' ');
  const std::string_view word = line.substr(0, blank);
  line = blank == std::string_view::npos ? std::string_view{} : line.substr(blank + 1);
  return word;
}

// No client has a reason to send a fragment, and some hold tokens (RFC 6749 4.2.2).
std::string_view without_fragment(std::string_view target) noexcept {
  const size_t mark = target.find('#');
  return mark == std::string_view::npos ? target : target.substr(0, mark + 1);
}

// A target in absolute form or that of CONNECT may hold a password (RFC 9110 4.2.4).
std::string_view without_user(std::string_view target) noexcept {
  if (target.starts_with('/')) {
    return target;
  }
  const size_t scheme = target.find("://");
  const size_t begin = scheme == std::string_view::npos ? 0 : scheme + 3;
  const size_t end = std::min(target.find_first_of("/?", begin), target.size());
  const size_t at = target.substr(0, end).rfind('@');
  return at == std::string_view::npos ? target : target.substr(at + 1);
}

Version version_of(std::string_view word) noexcept {
  if (word == "HTTP/1.1") {
    return Version::http11;
  }
  return word == "HTTP/1.0" ? Version::http10 : Version::unknown;
}

}  // namespace

RefusedLine read_refused_line(std::string_view head) noexcept {
  RefusedLine read;
  std::string_view line = first_line(head);
  if (line.empty()) {
    return read;
  }
  const char* const method_end = skip_token(line.data(), line.data() + line.size());
  const auto size = static_cast<size_t>(method_end - line.data());
  read.method = line.substr(0, std::min(size, limits::kMethod));
  // Behind anything but a method and a SP is no target: it may be the rest of some body.
  if (size == 0 || size == line.size() || line[size] != ' ') {
    return read;
  }
  line.remove_prefix(size + 1);
  read.target = without_user(without_fragment(take_word(line))).substr(0, limits::kTarget);
  read.version = version_of(line);
  return read;
}

}  // namespace pingap::http::h1
