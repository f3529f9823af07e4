// What the quick and the careful look at a request target share. Private to uri*.cc.
// Pure; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "http/uri.h"

namespace pingap::http::uri {

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

inline constexpr std::array<ByteClass, 256> kClasses = make_classes();

constexpr bool bad_in_query(char c) noexcept {
  const auto byte = static_cast<uint8_t>(c);
  return byte <= 0x20 || byte == 0x7f || c == '#';
}

inline tl::unexpected<Error> refuse(ErrorCode code, const char* detail) noexcept {
  return tl::unexpected(Error{
      .code = code, .side = Side::downstream, .retry = Retry::never, .sys = 0, .detail = detail});
}

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

// Any target, byte by byte: for those that the quick look says nothing about.
Result<Canonical> canonicalize_carefully(std::string_view target, const UriOptions& options,
                                         Arena& arena) noexcept;

// The match_path of a canonical path.
std::string_view without_parameters(std::string_view path, Arena& arena) noexcept;

}  // namespace pingap::http::uri
