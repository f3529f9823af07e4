// Packs texts that are there as a whole. Pure, any thread.
#pragma once

#include <cstddef>
#include <string>

namespace pingap {

// What is behind the first `room` bytes of `text`, quickly rather than tightly, behind as many zero
// bytes. Empty where zlib fails, which it does for want of memory only.
std::string gzipped(const std::string& text, size_t room = 0);

}  // namespace pingap
