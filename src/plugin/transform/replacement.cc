#include "plugin/transform/replacement.h"

#include <fmt/format.h>

#include "base/strings.h"

namespace pingap::plugin {
namespace {

// Where the next group stands; npos if there is none.
size_t next_group(std::string_view text) noexcept {
  for (size_t at = text.find('$'); at != std::string_view::npos; at = text.find('$', at + 1)) {
    if (at + 1 < text.size() && is_digit(text[at + 1])) {
      return at;
    }
  }
  return std::string_view::npos;
}

}  // namespace

std::string_view fill_groups(std::string_view text, std::span<const std::string_view> groups,
                             Arena& arena) noexcept {
  std::string_view made = "";  // with data: it is copied
  for (size_t at = next_group(text); at != std::string_view::npos; at = next_group(text)) {
    const auto group = static_cast<size_t>(text[at + 1] - '0');
    made =
        arena.concat(made, text.substr(0, at),
                     group < groups.size() && groups[group].data() != nullptr ? groups[group] : "");
    text.remove_prefix(at + 2);
  }
  return made.empty() ? text : arena.concat(made, text);
}

std::optional<Regex> compile_replacement(const Located<std::string>& regex,
                                         const Located<std::string>& to, config::Reader& reader) {
  if (to.value.empty() != regex.value.empty()) {
    reader.error(to.value.empty() ? regex.at : to.at, {"`regex` and `to` belong together", {}, {}});
  }
  if (regex.value.empty()) {
    return std::nullopt;
  }
  auto made = Regex::create(regex.value);
  if (!made) {
    reader.error(regex.at, {std::move(made.error()), {}, {}});
    return std::nullopt;
  }
  std::string_view rest = to.value;
  for (size_t at = next_group(rest); at != std::string_view::npos; at = next_group(rest)) {
    if (rest[at + 1] - '0' > made->group_count()) {
      reader.error(to.at, {fmt::format("`regex` has no group {}", rest.substr(at, 2)), {}, {}});
    }
    rest.remove_prefix(at + 2);
  }
  return std::move(*made);
}

}  // namespace pingap::plugin
