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

std::string_view date_now() noexcept {
  const int64_t second = std::time(nullptr);  // a read of shared memory, no system call
  if (second != t_date.second) {
    t_date.second = second;
    t_date.text = format_date(second);
  }
  return {t_date.text.data(), t_date.text.size()};
}

}  // namespace pingap::http
