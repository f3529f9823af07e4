#include "http/uri.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/strings.h"
#include "http/limits.h"

namespace pingap::http {
namespace {

// What a byte of a path is (RFC 3986 3.3).
enum class ByteClass : uint8_t {
  plain,  // pchar: stands for itself
  slash,
  percent,
  escape,   // no URI may hold it raw, but clients send it: written as %XX
  refused,  // control bytes, blank, `#`, `\`
};

constexpr bool is_unreserved(uint8_t c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

constexpr ByteClass classify(uint8_t c) noexcept {
  constexpr std::string_view kOtherPchar = "!$&'()*+,;=:@";
  if (is_unreserved(c) || kOtherPchar.find(static_cast<char>(c)) != std::string_view::npos) {
    return ByteClass::plain;
  }
  if (c == '/') {
    return ByteClass::slash;
  }
  if (c == '%') {
    return ByteClass::percent;
  }
  return c <= 0x20 || c == 0x7f || c == '#' || c == '\\' ? ByteClass::refused : ByteClass::escape;
}

constexpr std::array<ByteClass, 256> make_classes() noexcept {
  std::array<ByteClass, 256> classes{};
  for (size_t i = 0; i < classes.size(); ++i) {
    classes[i] = classify(static_cast<uint8_t>(i));
  }
  return classes;
}

constexpr std::array<ByteClass, 256> kClasses = make_classes();

constexpr int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char lower = to_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

constexpr bool bad_in_query(char c) noexcept {
  const auto byte = static_cast<uint8_t>(c);
  return byte <= 0x20 || byte == 0x7f || c == '#';
}

tl::unexpected<Error> refuse(ErrorCode code, const char* detail) noexcept {
  return tl::unexpected(Error{
      .code = code, .side = Side::downstream, .retry = Retry::never, .sys = 0, .detail = detail});
}

// ---- The quick look: is the path clean as it is, and where does it end?

constexpr size_t kLookCloser = SIZE_MAX;

#if defined(__SSE2__)

inline __m128i load(const char* from) noexcept {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
}

// Bit i: byte i of `bytes` ends the path or needs a closer look, be it only because it is a slash
// or dot and a slash is at i of `before`, the bytes one place further left.
inline uint32_t stops(__m128i bytes, __m128i before) noexcept {
  const auto all = [](int c) noexcept { return _mm_set1_epi8(static_cast<char>(c)); };
  const auto in_range = [&](int first, int last) noexcept {
    return _mm_cmplt_epi8(_mm_add_epi8(bytes, all(0x80 - first)), all(last - first + 1 - 0x80));
  };
  // Signed: also every byte from 0x80 on. `!` and `$` are here for the price of one compare.
  __m128i stop = _mm_cmplt_epi8(bytes, all('&'));
  stop = _mm_or_si128(stop, _mm_cmpgt_epi8(bytes, all('z')));
  stop = _mm_or_si128(stop, in_range(';', '?'));
  stop = _mm_or_si128(stop, in_range('[', '^'));
  stop = _mm_or_si128(stop, _mm_cmpeq_epi8(bytes, all('`')));
  static_assert(('.' | 1) == '/');
  const __m128i slash_or_dot = _mm_cmpeq_epi8(_mm_or_si128(bytes, all(1)), all('/'));
  const __m128i after_slash = _mm_cmpeq_epi8(before, all('/'));
  stop = _mm_or_si128(stop, _mm_and_si128(slash_or_dot, after_slash));
  return static_cast<uint32_t>(_mm_movemask_epi8(stop));
}

// The first and the last `half` of the `size` bytes in one register: a byte that is there twice
// does no harm.
inline __m128i load_ends(const char* data, size_t size, size_t half) noexcept {
  uint64_t low = 0;
  uint64_t high = 0x6161616161616161;  // any clean byte
  if (half == 8) {
    std::memcpy(&low, data, 8);
    std::memcpy(&high, data + size - 8, 8);
  } else {
    uint32_t first = 0;
    uint32_t last = 0;
    std::memcpy(&first, data, 4);
    std::memcpy(&last, data + size - 4, 4);
    low = first | static_cast<uint64_t>(last) << 32;
  }
  return _mm_set_epi64x(static_cast<int64_t>(high), static_cast<int64_t>(low));
}

inline size_t end_of_path(std::string_view target, size_t stop) noexcept {
  return target[stop] == '?' ? stop : kLookCloser;
}

// The same for targets of at most four bytes.
inline size_t clean_tiny_path(std::string_view target) noexcept {
  for (size_t i = 1; i < target.size(); ++i) {
    const char c = target[i];
    if (kClasses[static_cast<uint8_t>(c)] != ByteClass::plain || c == ';' || c == '.') {
      return end_of_path(target, i);
    }
  }
  return target.size();
}

// The size of the path when it is clean: made of pchar and `/`, no escape, no `//`, no `/.`, no
// parameter. kLookCloser when it is not, or when it takes more than this to tell. The first byte is
// a slash.
inline size_t clean_path(std::string_view target) noexcept {
  const char* data = target.data() + 1;
  const size_t size = target.size() - 1;
  if (size < 16) {
    if (size < 4) {
      return clean_tiny_path(target);
    }
    const size_t half = size >= 8 ? 8 : 4;
    const uint32_t bits = stops(load_ends(data, size, half), load_ends(data - 1, size, half));
    if (bits == 0) {
      return target.size();
    }
    const auto bit = static_cast<size_t>(std::countr_zero(bits));
    return end_of_path(target, 1 + (bit < half ? bit : size - 2 * half + bit));
  }
  size_t at = 0;
  while (true) {
    const uint32_t bits = stops(load(data + at), load(data + at - 1));
    if (bits != 0) {
      return end_of_path(target, 1 + at + static_cast<size_t>(std::countr_zero(bits)));
    }
    if (at + 16 == size) {
      return target.size();
    }
    at = std::min(at + 16, size - 16);  // the last block overlaps the one before
  }
}

// `begin` is where the query starts; what is before it in `target` has no byte that is bad here.
inline bool query_is_good(std::string_view target, size_t begin) noexcept {
  if (target.size() < 16) {
    for (size_t i = begin; i < target.size(); ++i) {
      if (bad_in_query(target[i])) {
        return false;
      }
    }
    return true;
  }
  const __m128i blank = _mm_set1_epi8(0x20);
  for (size_t at = begin; at < target.size(); at += 16) {
    const __m128i v = load(target.data() + (target.size() - at < 16 ? target.size() - 16 : at));
    const __m128i bad = _mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(v, blank), v),
                                     _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f)),
                                                  _mm_cmpeq_epi8(v, _mm_set1_epi8('#'))));
    if (_mm_movemask_epi8(bad) != 0) {
      return false;
    }
  }
  return true;
}

#else

inline size_t clean_path(std::string_view target) noexcept {
  char before = '/';
  for (size_t i = 1; i < target.size(); ++i) {
    const char c = target[i];
    if (c == '?') {
      return i;
    }
    const ByteClass kind = kClasses[static_cast<uint8_t>(c)];
    if (kind > ByteClass::slash || c == ';' || (before == '/' && (c == '/' || c == '.'))) {
      return kLookCloser;
    }
    before = c;
  }
  return target.size();
}

inline bool query_is_good(std::string_view target, size_t begin) noexcept {
  for (size_t i = begin; i < target.size(); ++i) {
    if (bad_in_query(target[i])) {
      return false;
    }
  }
  return true;
}

#endif

inline Canonical split(std::string_view target, size_t path_size) noexcept {
  Canonical canonical;
  canonical.target = target;
  canonical.path = target.substr(0, path_size);
  canonical.match_path = canonical.path;
  canonical.has_query = path_size < target.size();
  if (canonical.has_query) {
    canonical.query = target.substr(path_size + 1);
  }
  return canonical;
}

// ---- The closer look

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

// Where the part of a segment that starts at `at` ends, if it is one that backends drop:
// parameters, and blanks at the end of a segment, which some file systems do not keep. Else `at`.
size_t skip_dropped(std::string_view path, size_t at) noexcept {
  size_t end = at;
  while (path.substr(end, 3) == "%20") {
    end += 3;
  }
  if (end < path.size() && path[end] == ';') {
    return std::min(path.find('/', end), path.size());
  }
  return end == path.size() || path[end] == '/' ? end : at;
}

// Calls `keep` with each byte of `path` that is in its match_path, and its place. A segment of
// which nothing is left vanishes with its slash.
template <class Keep>
void walk_without_parameters(std::string_view path, const Keep& keep) noexcept {
  size_t kept = 0;
  char last = 'x';
  for (size_t i = 0; i < path.size(); ++i) {
    bool vanishes = false;
    if (const size_t end = skip_dropped(path, i); end != i) {
      if (end == path.size()) {
        return;
      }
      i = end;
      vanishes = last == '/';
    }
    // Nor are there two slashes at the start.
    if (vanishes || (path[i] == '/' && kept == 1)) {
      continue;
    }
    last = path[i];
    ++kept;
    keep(last, i);
  }
}

std::string_view without_parameters(std::string_view path, Arena& arena) noexcept {
  if (path.find(';') == std::string_view::npos && path.find("%20") == std::string_view::npos) {
    return path;
  }
  char* out = arena.make_array<char>(path.size());
  size_t size = 0;
  walk_without_parameters(path, [&](char c, size_t) { out[size++] = c; });
  return {out, size};
}

// Apart, so that the quick look saves no registers for it.
[[gnu::noinline]] Result<Canonical> canonicalize_slowly(std::string_view target,
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
  Canonical same = split(target, path_size);
  if (!found.rewrite) {
    same.match_path = without_parameters(same.path, arena);
    return same;
  }
  const std::string_view query = target.substr(path_size);
  const size_t bound = path_size + 2 * found.escapes + query.size();
  if (bound > 4 * limits::kTarget) {
    return refuse(ErrorCode::target_too_long, nullptr);
  }
  char* memory = arena.make_array<char>(bound);
  PathWriter writer(memory, options);
  if (!writer.write(path.substr(1))) {
    return refuse(ErrorCode::bad_target, "escape or dot segment not allowed in a path");
  }
  const size_t size = writer.text().size();
  if (writer.text() == path) {
    same.match_path = without_parameters(same.path, arena);
    return same;
  }
  if (size + query.size() > limits::kTarget) {
    return refuse(ErrorCode::target_too_long, nullptr);
  }
  std::memcpy(memory + size, query.data(), query.size());
  Canonical canonical = split({memory, size + query.size()}, size);
  canonical.match_path = without_parameters(canonical.path, arena);
  canonical.changed = true;
  return canonical;
}

}  // namespace

Result<Canonical> canonicalize(std::string_view target, const UriOptions& options,
                               Arena& arena) noexcept {
  const size_t path_size =
      target.empty() || target.front() != '/' ? kLookCloser : clean_path(target);
  if (path_size == kLookCloser) [[unlikely]] {
    return canonicalize_slowly(target, options, arena);
  }
  if (path_size < target.size() && !query_is_good(target, path_size + 1)) [[unlikely]] {
    return refuse(ErrorCode::bad_target, "byte not allowed in a query");
  }
  return split(target, path_size);
}

size_t end_of_match(std::string_view path, size_t size) noexcept {
  size_t kept = 0;
  size_t end = path.size();  // where all of it is asked for
  walk_without_parameters(path, [&](char, size_t at) {
    if (kept++ == size) {
      end = at;
    }
  });
  return end;
}

}  // namespace pingap::http
