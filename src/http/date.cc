#include "http/date.h"

#include <algorithm>
#include <chrono>
#include <ctime>

namespace pingap::http {
namespace {

constexpr std::string_view kDays = "SunMonTueWedThuFriSat";
constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";

void put_number(char* to, size_t digits, unsigned value) noexcept {
  for (size_t i = digits; i > 0; --i) {
    to[i - 1] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
}

struct CachedDate {
  int64_t second = INT64_MIN;
  DateText text{};
};

thread_local CachedDate t_date;

}  // namespace

DateText format_date(int64_t unix_seconds) noexcept {
  // Own arithmetic instead of gmtime_r, which takes the lock of the time zone.
  const std::chrono::sys_seconds time{std::chrono::seconds{unix_seconds}};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  const unsigned weekday = std::chrono::weekday{day}.c_encoding();
  const unsigned month = static_cast<unsigned>(date.month()) - 1;

  DateText text;
  constexpr std::string_view kShape = "ddd, DD mmm YYYY hh:mm:ss GMT";
  static_assert(kShape.size() == kDateSize);
  std::copy(kShape.begin(), kShape.end(), text.begin());
  std::copy_n(kDays.data() + size_t{3} * weekday, 3, text.data());
  put_number(text.data() + 5, 2, static_cast<unsigned>(date.day()));
  std::copy_n(kMonths.data() + size_t{3} * month, 3, text.data() + 8);
  put_number(text.data() + 12, 4, static_cast<unsigned>(static_cast<int>(date.year())));
  put_number(text.data() + 17, 2, static_cast<unsigned>(clock.hours().count()));
  put_number(text.data() + 20, 2, static_cast<unsigned>(clock.minutes().count()));
  put_number(text.data() + 23, 2, static_cast<unsigned>(clock.seconds().count()));
  return text;
}

namespace {

// `count` digits at the start of `text`, which are taken off it; -1 if there are not so many.
int take_number(std::string_view& text, size_t count) noexcept {
  int value = 0;
  for (size_t i = 0; i < count; ++i) {
    if (i >= text.size() || text[i] < '0' || text[i] > '9') {
      return -1;
    }
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return value;
}

bool take(std::string_view& text, std::string_view literal) noexcept {
  if (!text.starts_with(literal)) {
    return false;
  }
  text.remove_prefix(literal.size());
  return true;
}

// 1 to 12; 0 if it is none.
unsigned take_month(std::string_view& text) noexcept {
  const size_t at = text.size() < 3 ? std::string_view::npos : kMonths.find(text.substr(0, 3));
  if (at == std::string_view::npos || at % 3 != 0) {
    return 0;
  }
  text.remove_prefix(3);
  return static_cast<unsigned>(at / 3 + 1);
}

struct Parts {
  int year = -1;
  unsigned month = 0;
  int day = -1;
  int hour = -1;
  int minute = -1;
  int second = -1;
};

void take_time(std::string_view& text, Parts& to) noexcept {
  to.hour = take_number(text, 2);
  to.minute = take(text, ":") ? take_number(text, 2) : -1;
  to.second = take(text, ":") ? take_number(text, 2) : -1;
}

// "06 Nov 1994 08:49:37 GMT" or, with dashes, "06-Nov-94 08:49:37 GMT".
bool parse_after_comma(std::string_view text, Parts& to) noexcept {
  to.day = take_number(text, 2);
  const bool obsolete = text.starts_with('-');
  const std::string_view mark = obsolete ? "-" : " ";
  to.month = take(text, mark) ? take_month(text) : 0;
  if (!take(text, mark)) {
    return false;
  }
  to.year = take_number(text, obsolete ? 2 : 4);
  if (obsolete && to.year >= 0) {
    to.year += to.year < 70 ? 2000 : 1900;
  }
  if (!take(text, " ")) {
    return false;
  }
  take_time(text, to);
  return text == " GMT";
}

// "Sun Nov  6 08:49:37 1994", behind the name of the day.
bool parse_asctime(std::string_view text, Parts& to) noexcept {
  to.month = take_month(text);
  if (!take(text, " ")) {
    return false;
  }
  to.day = take(text, " ") ? take_number(text, 1) : take_number(text, 2);
  if (!take(text, " ")) {
    return false;
  }
  take_time(text, to);
  to.year = take(text, " ") ? take_number(text, 4) : -1;
  return text.empty();
}

}  // namespace

std::optional<int64_t> parse_date(std::string_view text) noexcept {
  Parts parts;
  const size_t comma = text.find(", ");
  const bool read = comma != std::string_view::npos
                        ? comma >= 3 && parse_after_comma(text.substr(comma + 2), parts)
                        : text.size() > 4 && text[3] == ' ' && parse_asctime(text.substr(4), parts);
  const std::chrono::year_month_day date{std::chrono::year{parts.year},
                                         std::chrono::month{parts.month},
                                         std::chrono::day{static_cast<unsigned>(parts.day)}};
  // A second of 60 is a leap second (RFC 9110 5.6.7 refers to RFC 5322).
  if (!read || parts.year < 0 || parts.day < 0 || !date.ok() || parts.hour < 0 || parts.hour > 23 ||
      parts.minute < 0 || parts.minute > 59 || parts.second < 0 || parts.second > 60) {
    return std::nullopt;
  }
  return std::chrono::sys_days(date).time_since_epoch().count() * int64_t{86400} +
         parts.hour * 3600 + parts.minute * 60 + parts.second;
}

std::string_view date_now() noexcept {
  const int64_t second = std::time(nullptr);  // a read of shared memory, no system call
  if (second != t_date.second) {
    t_date.second = second;
    t_date.text = format_date(second);
  }
  return {t_date.text.data(), t_date.text.size()};
}

}  // namespace pingap::http
