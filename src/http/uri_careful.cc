// The careful look: targets that have to be written anew, or refused.
#include <algorithm>
#include <cstring>

#include "base/strings.h"
#include "http/limits.h"
#include "http/uri_internal.h"

namespace pingap::http::uri {
namespace {

struct Findings {
  bool refused = false;
  bool rewrite = false;  // something has to be written anew
  size_t escapes = 0;    // raw bytes that become %XX
};

// A `.` right behind a slash: may it be the start of a dot segment? (`.well-known` is not.)
bool may_be_dot_segment(std::string_view path, size_t dot) noexcept {
  return dot + 1 == path.size() ||
         std::string_view("./;%").find(path[dot + 1]) != std::string_view::npos;
}

Findings look_at(std::string_view path) noexcept {
  Findings found;
  char before = 'x';
  for (size_t i = 0; i < path.size(); ++i) {
    const char c = path[i];
    switch (kClasses[static_cast<uint8_t>(c)]) {
      case ByteClass::plain:
        found.rewrite |= c == '.' && before == '/' && may_be_dot_segment(path, i);
        break;
      case ByteClass::slash:
        found.rewrite |= before == '/';
        break;
      case ByteClass::percent:
        found.rewrite = true;
        break;
      case ByteClass::escape:
        found.rewrite = true;
        ++found.escapes;
        break;
      case ByteClass::refused:
        found.refused = true;
        return found;
    }
    before = c;
  }
  return found;
}

// Writes the canonical path into memory that its maker found large enough.
class PathWriter {
 public:
  PathWriter(char* memory, const UriOptions& options) noexcept : out_(memory), options_(options) {
    out_[size_++] = '/';
  }

  // `path` without its first slash. False when it has to be refused.
  bool write(std::string_view path) noexcept {
    for (size_t i = 0; i < path.size(); ++i) {
      const char c = path[i];
      switch (kClasses[static_cast<uint8_t>(c)]) {
        case ByteClass::plain:
          out_[size_++] = c;
          odd_ |= c == ';';
          break;
        case ByteClass::slash:
          if (!end_segment(true)) {
            return false;
          }
          break;
        case ByteClass::percent:
          if (!write_escape(path, i)) {
            return false;
          }
          i += 2;
          break;
        case ByteClass::escape:
          put_escaped(static_cast<uint8_t>(c));
          break;
        case ByteClass::refused:
          return false;
      }
    }
    return end_segment(false);
  }

  std::string_view text() const noexcept { return {out_, size_}; }

 private:
  void put_escaped(uint8_t byte) noexcept {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    out_[size_++] = '%';
    out_[size_++] = kHex[byte >> 4];
    out_[size_++] = kHex[byte & 15];
  }

  bool write_escape(std::string_view path, size_t at) noexcept {
    if (path.size() - at < 3) {
      return false;
    }
    const int high = hex_value(path[at + 1]);
    const int low = hex_value(path[at + 2]);
    if (high < 0 || low < 0) {
      return false;
    }
    const auto byte = static_cast<uint8_t>(high << 4 | low);
    // Not only %00, %0A and %0D: no control byte has a use in a path, and one at its end made
    // servers see another file.
    if (byte < 0x20 || byte == 0x7f) {
      return false;
    }
    if (byte == '/' || byte == '\\') {
      odd_ = true;
      if (!options_.encoded_slash) {
        return false;
      }
    }
    if (is_unreserved(byte)) {
      out_[size_++] = static_cast<char>(byte);
      return true;
    }
    odd_ |= byte == ';' || byte == ' ';
    put_escaped(byte);
    return true;
  }

  // Ends the segment that was written last. False when it may not be.
  bool end_segment(bool slash) noexcept {
    const std::string_view segment(out_ + segment_, size_ - segment_);
    if (odd_ && hides_dots(segment)) {
      return false;
    }
    odd_ = false;
    if (segment == "." || segment == "..") {
      size_ = segment_;
      return segment.size() == 1 || pop();
    }
    // The first empty segment goes in any case, see UriOptions.
    const bool merged = segment.empty() && (options_.merge_slashes || segment_ == 1);
    if (slash && !merged) {
      out_[size_++] = '/';
      segment_ = size_;
    }
    return true;
  }

  // Removes the last whole segment; false at the root. Every byte is passed over once at most.
  bool pop() noexcept {
    if (size_ == 1) {
      return false;
    }
    do {
      --size_;
    } while (out_[size_ - 1] != '/');
    segment_ = size_;
    return true;
  }

  // Whether some backend could see `.` or `..` in a segment with parameters, blanks at its end or
  // escaped slashes.
  static bool hides_dots(std::string_view segment) noexcept {
    while (true) {
      const size_t dots = std::min(segment.find_first_not_of('.'), segment.size());
      std::string_view rest = segment.substr(dots);
      while (rest.starts_with("%20")) {
        rest.remove_prefix(3);
      }
      const bool ends = rest.empty() || rest.front() == ';' || rest.starts_with("%3B") ||
                        rest.starts_with("%2F") || rest.starts_with("%5C");
      if (ends && (dots == 1 || dots == 2)) {
        return true;
      }
      const size_t slash = std::min(segment.find("%2F"), segment.find("%5C"));
      if (slash == std::string_view::npos) {
        return false;
      }
      segment.remove_prefix(slash + 3);
    }
  }

  char* out_;
  size_t size_ = 0;
  size_t segment_ = 1;  // where the segment being written starts
  bool odd_ = false;    // it has a `;`, plain or escaped, or an escaped slash or blank
  UriOptions options_;
};

Canonical settle(std::string_view target, size_t path_size, Arena& arena) noexcept {
  Canonical canonical = split(target, path_size);
  canonical.match_path = without_parameters(canonical.path, arena);
  return canonical;
}

// With the path written anew, which may change nothing.
Result<Canonical> write_anew(std::string_view target, size_t path_size, size_t escapes,
                             const UriOptions& options, Arena& arena) noexcept {
  const std::string_view path = target.substr(0, path_size);
  const std::string_view query = target.substr(path_size);
  const size_t bound = path_size + 2 * escapes + query.size();
  if (bound > 4 * limits::kTarget) {
    return refuse(ErrorCode::target_too_long, nullptr);
  }
  char* memory = arena.make_array<char>(bound);
  PathWriter writer(memory, options);
  if (!writer.write(path.substr(1))) {
    return refuse(ErrorCode::bad_target, "escape or dot segment not allowed in a path");
  }
  if (writer.text() == path) {
    return settle(target, path_size, arena);
  }
  const size_t size = writer.text().size();
  if (size + query.size() > limits::kTarget) {
    return refuse(ErrorCode::target_too_long, nullptr);
  }
  std::memcpy(memory + size, query.data(), query.size());
  Canonical canonical = settle({memory, size + query.size()}, size, arena);
  canonical.changed = true;
  return canonical;
}

}  // namespace

// Not inlined, so that the quick look saves no registers for it.
[[gnu::noinline]] Result<Canonical> canonicalize_carefully(std::string_view target,
                                                           const UriOptions& options,
                                                           Arena& arena) noexcept {
  if (target == "*") {
    return split(target, 1);
  }
  const size_t path_size = std::min(target.find('?'), target.size());
  const std::string_view path = target.substr(0, path_size);
  if (path.empty() || path.front() != '/') {
    return refuse(ErrorCode::bad_target, "a target starts with a slash");
  }
  const Findings found = look_at(path);
  if (found.refused) {
    return refuse(ErrorCode::bad_target, "byte not allowed in a path");
  }
  for (const char c : target.substr(path_size)) {
    if (bad_in_query(c)) {
      return refuse(ErrorCode::bad_target, "byte not allowed in a query");
    }
  }
  if (found.rewrite) {
    return write_anew(target, path_size, found.escapes, options, arena);
  }
  return settle(target, path_size, arena);
}

}  // namespace pingap::http::uri
