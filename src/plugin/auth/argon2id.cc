#include "plugin/auth/argon2id.h"

#include <algorithm>
#include <argon2.h>
#include <array>

#include "base/strings.h"

namespace pingap::plugin {
namespace {

constexpr std::string_view kPrefix = "$argon2id$v=19$";
constexpr std::string_view kHowTo = "make one by: argon2 SALT -id -e, of m=65536,t=3,p=4";

// Two checks run at once: they take up to twice this memory.
constexpr uint64_t kMostMemory = uint64_t{256} << 10;  // KiB
constexpr uint64_t kMostWork = uint64_t{4} << 20;      // KiB of all passes: some seconds
constexpr uint64_t kMostLanes = 16;                    // each is a thread while it is checked

struct Costs {
  uint64_t memory = 0;  // KiB
  uint64_t passes = 0;
  uint64_t lanes = 0;
};

// "m=65536,t=3,p=4", and nothing else.
bool read_costs(std::string_view text, Costs& costs) noexcept {
  const std::array<std::pair<std::string_view, uint64_t*>, 3> parts = {
      {{"m=", &costs.memory}, {",t=", &costs.passes}, {",p=", &costs.lanes}}};
  for (const auto& [name, value] : parts) {
    if (!text.starts_with(name)) {
      return false;
    }
    text.remove_prefix(name.size());
    const std::string_view digits = text.substr(0, text.find(','));
    const auto number = parse_decimal(digits);
    if (!number) {
      return false;
    }
    *value = *number;
    text.remove_prefix(digits.size());
  }
  return text.empty();
}

// Base64 without padding of at least `least` bytes.
bool is_base64(std::string_view text, size_t least) noexcept {
  const auto letter = [](char c) {
    return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'z') || c == '+' || c == '/';
  };
  return text.size() % 4 != 1 && text.size() * 3 / 4 >= least && std::ranges::all_of(text, letter);
}

std::string with_advice(std::string_view fault) {
  return std::string(fault) + "; " + std::string(kHowTo);
}

}  // namespace

bool is_argon2(std::string_view hash) noexcept {
  return hash.starts_with("$argon2");
}

std::string fault_of_argon2(std::string_view hash) {
  if (!hash.starts_with(kPrefix)) {
    return with_advice("of argon2 only argon2id in version 19 is taken");
  }
  hash.remove_prefix(kPrefix.size());
  const size_t salt = std::min(hash.find('$'), hash.size());
  const size_t end = std::min(hash.find('$', salt + 1), hash.size());
  Costs costs;
  if (end == hash.size() || !read_costs(hash.substr(0, salt), costs) ||
      !is_base64(hash.substr(salt + 1, end - salt - 1), ARGON2_MIN_SALT_LENGTH) ||
      !is_base64(hash.substr(end + 1), ARGON2_MIN_OUTLEN) || costs.lanes == 0 ||
      costs.passes == 0 || costs.memory / 8 < costs.lanes) {
    return with_advice("a hash of argon2id is broken");
  }
  if (costs.memory > kMostMemory || costs.lanes > kMostLanes ||
      costs.passes > kMostWork / costs.memory) {
    return "a hash is too dear to check: argon2id up to m=262144 (256 MiB), p=16 and 4 GiB in all "
           "passes (m times t)";
  }
  return {};
}

bool matches_argon2(const std::string& password, const std::string& hash) noexcept {
  return ::argon2id_verify(hash.c_str(), password.data(), password.size()) == ARGON2_OK;
}

}  // namespace pingap::plugin
