#include "config/suggest.h"

#include <algorithm>
#include <array>
#include <numeric>

#include <fmt/format.h>

#include "base/strings.h"

namespace pingap::config {
namespace {

constexpr size_t kMaxCompared = 64;  // longer names get no suggestion: the cost is quadratic

using Row = std::array<size_t, kMaxCompared + 1>;

// Insertions, deletions, replacements and swaps of neighbours that make `a` into `b`, letters
// compared without case (optimal string alignment). Both at most kMaxCompared long.
size_t distance(std::string_view a, std::string_view b) noexcept {
  Row two_up{};
  Row up{};
  Row row{};
  std::iota(up.begin(), up.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool same = to_lower(a[i - 1]) == to_lower(b[j - 1]);
      row[j] = std::min({up[j] + 1, row[j - 1] + 1, up[j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && to_lower(a[i - 1]) == to_lower(b[j - 2]) &&
          to_lower(a[i - 2]) == to_lower(b[j - 1])) {
        row[j] = std::min(row[j], two_up[j - 2] + 1);
      }
    }
    two_up = up;
    up = row;
  }
  return up[b.size()];
}

}  // namespace

std::string plain(std::string_view text, size_t max) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    // Not in the middle of a character.
    if (out.size() >= max && (byte & 0xC0U) != 0x80U) {
      out += "...";
      break;
    }
    if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string quote(std::string_view text, size_t max) {
  return "`" + plain(text, max) + "`";
}

std::string_view nearest(std::string_view text, std::span<const std::string_view> candidates) {
  std::string_view best;
  // A third of the letters may be wrong: more is a guess.
  size_t limit = std::clamp<size_t>(text.size() / 3, 1, 3) + 1;
  if (text.size() > kMaxCompared) {
    return best;
  }
  for (const std::string_view candidate : candidates) {
    const size_t gap =
        std::max(text.size(), candidate.size()) - std::min(text.size(), candidate.size());
    if (candidate.size() > kMaxCompared || gap >= limit) {
      continue;
    }
    const size_t found = distance(text, candidate);
    if (found < limit) {
      limit = found;
      best = candidate;
    }
  }
  return best;
}

std::string did_you_mean(std::string_view text, std::span<const std::string_view> candidates) {
  const std::string_view best = nearest(text, candidates);
  return best.empty() ? std::string() : fmt::format("did you mean {}?", quote(best));
}

std::string join_names(std::span<const std::string_view> names, size_t max) {
  std::string out;
  for (size_t i = 0; i < std::min(names.size(), max); ++i) {
    out += (i > 0 ? ", " : "") + quote(names[i]);
  }
  if (names.size() > max) {
    out += fmt::format(", ... ({} more)", names.size() - max);
  }
  return out;
}

}  // namespace pingap::config
