#include "config/units.h"

#include <array>
#include <limits>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/suggest.h"

namespace pingap::config {
namespace {

constexpr std::string_view kDurationForm = R"(a duration such as "500ms", "10s" or "1h 30m")";
constexpr std::string_view kSizeForm = R"(a size such as 65536, "64kb" or "1MiB")";

struct Unit {
  std::string_view name;
  uint64_t factor;
};

// Larger first: the order they may be written in.
constexpr std::array<Unit, 5> kDurations = {
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};
constexpr uint64_t kMaxDuration = 366ULL * 86'400'000;

// `kb` counts in thousands and `KiB` in 1024s, as the original does (IEC 80000-13).
constexpr std::array<Unit, 10> kSizes = {{{"gib", 1ULL << 30},
                                          {"mib", 1ULL << 20},
                                          {"kib", 1ULL << 10},
                                          {"gb", 1'000'000'000},
                                          {"mb", 1'000'000},
                                          {"kb", 1000},
                                          {"g", 1'000'000'000},
                                          {"m", 1'000'000},
                                          {"k", 1000},
                                          {"b", 1}}};
constexpr uint64_t kMaxSize = 1ULL << 62;

std::string_view take_digits(std::string_view& text) noexcept {
  size_t size = 0;
  while (size < text.size() && is_digit(text[size])) {
    ++size;
  }
  const std::string_view digits = text.substr(0, size);
  text = trim(text.substr(size));
  return digits;
}

std::string_view take_letters(std::string_view& text) noexcept {
  size_t size = 0;
  while (size < text.size() && to_lower(text[size]) >= 'a' && to_lower(text[size]) <= 'z') {
    ++size;
  }
  const std::string_view letters = text.substr(0, size);
  text = trim(text.substr(size));
  return letters;
}

template <size_t N>
const Unit* find_unit(const std::array<Unit, N>& units, std::string_view name) noexcept {
  for (const Unit& unit : units) {
    if (iequals(unit.name, name)) {
      return &unit;
    }
  }
  return nullptr;
}

}  // namespace

Parsed<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const auto refuse = [text](std::string hint = {}) {
    return problem(quote(text) + " is not a duration", std::string(kDurationForm), std::move(hint));
  };
  std::string_view rest = trim(text);
  uint64_t total = 0;
  uint64_t smallest = std::numeric_limits<uint64_t>::max();
  do {
    const auto number = parse_decimal(take_digits(rest));
    if (!number) {
      return refuse();
    }
    const std::string_view letters = take_letters(rest);
    if (letters.empty() && rest.empty()) {
      return refuse(*number == 0 ? R"(write "0s")" : fmt::format("did you mean \"{}s\"?", text));
    }
    // Case matters: `M` could be taken for months.
    const Unit* unit = find_unit(kDurations, letters);
    if (unit == nullptr || unit->name != letters) {
      return refuse("units are ms, s, m, h and d");
    }
    if (unit->factor >= smallest) {
      return refuse("larger units come first, each once");
    }
    smallest = unit->factor;
    if (*number > kMaxDuration / unit->factor) {
      return problem(quote(text) + " is too long", "at most 366d");
    }
    total += *number * unit->factor;
  } while (!rest.empty());
  if (total > kMaxDuration) {
    return problem(quote(text) + " is too long", "at most 366d");
  }
  return std::chrono::milliseconds(total);
}

Parsed<uint64_t> parse_size(std::string_view text) {
  std::string_view rest = trim(text);
  const auto number = parse_decimal(take_digits(rest));
  const std::string_view letters = take_letters(rest);
  const Unit* unit = letters.empty() ? &kSizes.back() : find_unit(kSizes, letters);
  if (!number || unit == nullptr || !rest.empty()) {
    return problem(quote(text) + " is not a size", std::string(kSizeForm),
                   number && unit == nullptr ? "units are b, kb, mb, gb and KiB, MiB, GiB" : "");
  }
  if (*number > kMaxSize / unit->factor) {
    return problem(quote(text) + " is too large");
  }
  return *number * unit->factor;
}

std::string format_duration(std::chrono::milliseconds value) {
  auto rest = static_cast<uint64_t>(value.count());
  std::string out;
  for (const Unit& unit : kDurations) {
    if (rest >= unit.factor) {
      out += fmt::format("{}{}{}", out.empty() ? "" : " ", rest / unit.factor, unit.name);
      rest %= unit.factor;
    }
  }
  return out.empty() ? "0s" : out;
}

std::string format_size(uint64_t bytes) {
  constexpr std::array<Unit, 3> kShown = {
      {{"GiB", 1ULL << 30}, {"MiB", 1ULL << 20}, {"KiB", 1ULL << 10}}};
  for (const Unit& unit : kShown) {
    if (bytes > 0 && bytes % unit.factor == 0) {
      return fmt::format("{}{}", bytes / unit.factor, unit.name);
    }
  }
  return fmt::format("{}", bytes);
}

}  // namespace pingap::config
