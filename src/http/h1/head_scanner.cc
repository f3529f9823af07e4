// HeadScanner: looks at each byte of a head once, however many pieces it comes in.
#include "http/h1/field_line.h"
#include "http/h1/parser.h"

namespace pingap::http::h1 {

HeadScanner::Verdict HeadScanner::scan(std::string_view bytes, size_t max) noexcept {
  if (bytes.size() >= max) {
    return Verdict::parse;
  }
  const Window window{bytes.data(), bytes.data() + bytes.size()};
  for (;;) {
    const char* stop = find_text_end(window.begin + seen_, window);
    const auto at = static_cast<size_t>(stop - window.begin);
    if (bytes.size() - at < 2 && (stop == window.end || *stop == '\r')) {
      seen_ = at;  // a CR waits for its LF
      return Verdict::wait;
    }
    if (stop[0] != '\r' || stop[1] != '\n') {
      return Verdict::parse;  // the parser refuses it, so that this is said once
    }
    const bool empty = at == line_start_;
    const bool first = first_line_;
    seen_ = at + 2;
    line_start_ = seen_;
    first_line_ = first && empty;
    if (empty || first) {
      return Verdict::parse;
    }
  }
}

}  // namespace pingap::http::h1
