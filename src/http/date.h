// The Date of our answers: IMF-fixdate (RFC 9110 5.6.7), made once per second and thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace pingap::http {

inline constexpr size_t kDateSize = 29;  // "Sun, 06 Nov 1994 08:49:37 GMT"
using DateText = std::array<char, kDateSize>;

// `unix_seconds` as IMF-fixdate; years 0000 to 9999.
DateText format_date(int64_t unix_seconds) noexcept;

// The reverse, also of the two obsolete forms (RFC 9110 5.6.7); nullopt where it is none.
std::optional<int64_t> parse_date(std::string_view text) noexcept;

// The present second. The view is good until the next call on this thread.
std::string_view date_now() noexcept;

}  // namespace pingap::http
