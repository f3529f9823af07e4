#include "upstream/told_before.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include <fmt/format.h>

namespace pingap::upstream {
namespace {

constexpr size_t kFields = 6;  // upstream, source, address, weight, priority, host

bool fits(std::string_view field) noexcept {
  return field.find_first_of("\t\n") == std::string_view::npos;
}

// What is before `end`; takes it away from `text`.
std::string_view take(std::string_view& text, char end) noexcept {
  const std::string_view taken = text.substr(0, text.find(end));
  text.remove_prefix(std::min(text.size(), taken.size() + 1));
  return taken;
}

std::optional<uint32_t> number(std::string_view text) noexcept {
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value)
                                                                  : std::nullopt;
}

}  // namespace

ToldBefore ToldBefore::parse(std::string_view text) {
  ToldBefore told;
  while (!text.empty()) {
    std::string_view line = take(text, '\n');
    std::array<std::string, kFields> fields;
    for (std::string& field : fields) {
      field = take(line, '\t');
    }
    const auto address = net::Address::parse(fields[2]);
    const auto weight = number(fields[3]);
    const auto priority = number(fields[4]);
    if (address && weight && priority) {
      told.told_[{fields[0], fields[1]}].push_back({fields[5], *address, *weight, *priority});
    }
  }
  return told;
}

std::string ToldBefore::to_text() const {
  std::string text;
  for (const auto& [whose, found] : told_) {
    for (const Found& one : found) {
      text += fmt::format("{}\t{}\t{}\t{}\t{}\t{}\n", whose.first, whose.second,
                          one.address.to_string(), one.weight, one.priority, one.host);
    }
  }
  return text;
}

void ToldBefore::add(const std::string& upstream, const std::string& source,
                     std::vector<Found> found) {
  if (!fits(upstream) || !fits(source)) {
    return;
  }
  std::erase_if(found,
                [](const Found& one) { return !fits(one.host) || !fits(one.address.to_string()); });
  told_[{upstream, source}] = std::move(found);
}

std::vector<Found> ToldBefore::of(const std::string& upstream, const std::string& source) const {
  const auto known = told_.find({upstream, source});
  return known == told_.end() ? std::vector<Found>() : known->second;
}

}  // namespace pingap::upstream
