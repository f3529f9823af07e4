// The static table of HPACK (RFC 7541 appendix A), and the way back from a name. Any thread:
// constant.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/hpack/field.h"

namespace pingap::http::hpack {

inline constexpr size_t kStaticEntries = 61;

// [0] is not used: indexes begin at 1 (RFC 7541 2.3.3).
extern const std::array<DecodedField, kStaticEntries + 1> kStaticTable;

// The index of an entry with this name; 0 where there is none.
size_t static_index_of(HeaderId id) noexcept;

// The first index with this name, of those that begin with a colon; 0 for `:protocol`.
size_t static_index_of(Pseudo pseudo) noexcept;

// The index of an entry with this name and value, of those that begin with a colon, or 0.
size_t static_match(Pseudo pseudo, std::string_view value) noexcept;

}  // namespace pingap::http::hpack
