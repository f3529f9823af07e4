// Reads configuration texts into a Model. Control thread; may block on files.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostics.h"
#include "config/expand.h"
#include "config/model.h"

namespace pingap::config {

struct Text {
  std::string name;  // as shown in errors
  std::string text;
  // Where it lies in its folder or store: "upstreams/api.toml". A text of such a place, or of
  // "basic.toml", may leave out its header, [upstreams.api].
  std::string path{};

  bool operator==(const Text&) const = default;
};

// The path of a text that is all of a configuration.
inline constexpr std::string_view kWholePath = "pingap.toml";

// The texts behind "-" (stdin), a file, or a directory (all *.toml below it, sorted by path).
// Problems go to `diagnostics`; then the result is incomplete.
std::vector<Text> read_sources(const std::filesystem::path& path, Diagnostics& diagnostics);

// Bytes of all texts together (security.md CF-01).
inline constexpr size_t kMaxConfigSize = 8 << 20;

// Parses and checks; every error is collected. The model may be used only when there are none.
// Sections may be spread over files; a key of [basic], or an entry such as [upstreams.api], may
// not be defined twice.
Model load(std::vector<Text> texts, Diagnostics& diagnostics);
// The same with another environment for ${NAME}.
Model load(std::vector<Text> texts, Diagnostics& diagnostics, Environment environment);

}  // namespace pingap::config
