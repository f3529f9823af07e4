// The Huffman code of HPACK (RFC 7541 5.2, appendix B), one way: we read it and do not write it.
// What would gain from it goes into the peer's table and is sent once. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pingap::http::hpack {

// The most bytes that `size` encoded ones can become: no code is shorter than five bits.
constexpr size_t huffman_text(size_t size) noexcept {
  return size * 8 / 5;
}

// What huffman_decode() may write to.
constexpr size_t huffman_room(size_t size) noexcept {
  return huffman_text(size) + 1;
}

inline constexpr size_t kNotHuffman = SIZE_MAX;

// Decodes into `out`, which has huffman_room() bytes; how many there are now, or kNotHuffman where
// there is an EOS, or padding of eight bits and more or of another kind than the begin of EOS.
size_t huffman_decode(std::string_view encoded, char* out) noexcept;

}  // namespace pingap::http::hpack
