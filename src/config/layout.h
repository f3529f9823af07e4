// The two ways in which a configuration lies: as one text, or as a text for each entry
// ("upstreams/api.toml"). Comments and order inside an entry are kept. Pure; control thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "config/loader.h"

namespace pingap::config {

// The tables that a text belongs into by its place: {"basic"} or {"upstreams", "api"}; none for any
// other place.
std::vector<std::string> headers_of(std::string_view path);

// A text that is all of a configuration, as a text for each entry; or why it cannot be taken apart.
tl::expected<std::vector<Text>, std::string> split_into_items(const Text& whole);

// The reverse, for any texts that are a configuration together.
tl::expected<Text, std::string> join_into_one(const std::vector<Text>& texts);

}  // namespace pingap::config
