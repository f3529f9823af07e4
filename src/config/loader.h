// Reads configuration texts into a Model. Control thread; may block on files.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostics.h"
#include "config/model.h"

namespace pingap::config {

struct Text {
  std::string name;  // as shown in errors
  std::string text;
};

// The texts behind "-" (stdin), a file, or a directory (all *.toml below it, sorted by path).
// Problems go to `diagnostics`; then the result is incomplete.
std::vector<Text> read_sources(const std::filesystem::path& path, Diagnostics& diagnostics);

// Parses and checks; every error is collected. The model may be used only when there are none.
// The same table may be spread over files, the same key may not.
Model load(std::vector<Text> texts, Diagnostics& diagnostics);

}  // namespace pingap::config
