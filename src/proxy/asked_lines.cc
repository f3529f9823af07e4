#include "proxy/asked_lines.h"

#include <algorithm>
#include <charconv>

namespace pingap::proxy {

using http::HeaderId;

AskedLines::AskedLines(std::string_view scheme, uint16_t port) noexcept {
  char* const end = add(text_.data(), HeaderId::x_forwarded_proto, scheme);
  if (port != 0) {
    std::array<char, 5> digits{};
    const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), port);
    add(end, HeaderId::x_forwarded_port,
        {digits.data(), static_cast<size_t>(written.ptr - digits.data())});
  }
}

// The end of the line written at `to`.
char* AskedLines::add(char* to, HeaderId id, std::string_view value) noexcept {
  using namespace std::string_view_literals;
  const std::string_view name = http::header_name(id);
  char* const at = std::ranges::copy(": "sv, std::ranges::copy(name, to).out).out;
  fields_[count_++] = {to,
                       at,
                       static_cast<uint32_t>(value.size()),
                       static_cast<uint16_t>(name.size()),
                       id,
                       http::Field::kCanonical};
  return std::ranges::copy("\r\n"sv, std::ranges::copy(value, at).out).out;
}

}  // namespace pingap::proxy
