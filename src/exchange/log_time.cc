#include "exchange/log_time.h"

#include <cstdlib>
#include <cstring>
#include <ctime>

namespace pingap::exchange {
namespace {

constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
constexpr size_t kMillisecondsAt = 20;  // in both RFC 3339 forms

struct SecondText {
  int64_t second = INT64_MIN;
  char local[kLocalTimeSize];
  char utc[kUtcTimeSize];
  char clf[kClfTimeSize];
};

thread_local SecondText t_text;

char* put_number(char* to, unsigned digits, long value) noexcept {
  for (unsigned i = digits; i > 0; --i) {
    to[i - 1] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  return to + digits;
}

// "2026-01-02T03:04:05.000"
char* put_rfc3339(char* to, const std::tm& time) noexcept {
  to = put_number(to, 4, time.tm_year + 1900L);
  *to++ = '-';
  to = put_number(to, 2, time.tm_mon + 1L);
  *to++ = '-';
  to = put_number(to, 2, time.tm_mday);
  *to++ = 'T';
  to = put_number(to, 2, time.tm_hour);
  *to++ = ':';
  to = put_number(to, 2, time.tm_min);
  *to++ = ':';
  to = put_number(to, 2, time.tm_sec);
  *to++ = '.';
  return put_number(to, 3, 0);
}

void put_clf(char* to, const std::tm& time, long offset) noexcept {
  to = put_number(to, 2, time.tm_mday);
  *to++ = '/';
  std::memcpy(to, kMonths.data() + size_t{3} * static_cast<size_t>(time.tm_mon), 3);
  to += 3;
  *to++ = '/';
  to = put_number(to, 4, time.tm_year + 1900L);
  *to++ = ':';
  to = put_number(to, 2, time.tm_hour);
  *to++ = ':';
  to = put_number(to, 2, time.tm_min);
  *to++ = ':';
  to = put_number(to, 2, time.tm_sec);
  *to++ = ' ';
  *to++ = offset < 0 ? '-' : '+';
  to = put_number(to, 2, std::labs(offset) / 3600);
  put_number(to, 2, std::labs(offset) / 60 % 60);
}

void make(SecondText& text, int64_t second) noexcept {
  text.second = second;
  const auto time = static_cast<std::time_t>(second);
  std::tm utc{};
  std::tm local{};
  gmtime_r(&time, &utc);
  localtime_r(&time, &local);  // takes a lock of libc: once a second
  *put_rfc3339(text.utc, utc) = 'Z';
  char* to = put_rfc3339(text.local, local);
  *to++ = local.tm_gmtoff < 0 ? '-' : '+';
  to = put_number(to, 2, std::labs(local.tm_gmtoff) / 3600);
  *to++ = ':';
  put_number(to, 2, std::labs(local.tm_gmtoff) / 60 % 60);
  put_clf(text.clf, local, local.tm_gmtoff);
}

const SecondText& text_of(WallTime time, unsigned& milliseconds) noexcept {
  const auto total = std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
  int64_t second = total / 1000;
  int64_t rest = total % 1000;
  if (rest < 0) {
    rest += 1000;
    --second;
  }
  milliseconds = static_cast<unsigned>(rest);
  if (second != t_text.second) {
    make(t_text, second);
  }
  return t_text;
}

}  // namespace

char* put_local_time(WallTime time, char* to) noexcept {
  unsigned ms = 0;
  std::memcpy(to, text_of(time, ms).local, kLocalTimeSize);
  put_number(to + kMillisecondsAt, 3, ms);
  return to + kLocalTimeSize;
}

char* put_utc_time(WallTime time, char* to) noexcept {
  unsigned ms = 0;
  std::memcpy(to, text_of(time, ms).utc, kUtcTimeSize);
  put_number(to + kMillisecondsAt, 3, ms);
  return to + kUtcTimeSize;
}

char* put_clf_time(WallTime time, char* to) noexcept {
  unsigned ms = 0;
  std::memcpy(to, text_of(time, ms).clf, kClfTimeSize);
  return to + kClfTimeSize;
}

}  // namespace pingap::exchange
