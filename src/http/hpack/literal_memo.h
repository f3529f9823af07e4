// String literals in Huffman's code that peers send again and again without having them indexed:
// their code, the text that it is, and what was found out of that. One forgets another whose place
// is the same. Secrets do not belong here (RFC 7541 7.1.3). Pure; one for each thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "http/hpack/huffman.h"
#include "http/hpack/quick_text.h"

namespace pingap::http::hpack {

// `Literal`: a struct whose `text` is a view of what it is of. `kSlots`: a power of two.
template <class Literal, size_t kSlots>
class LiteralMemo {
 public:
  // Bytes of code; longer ones are not kept. Dates, entity tags and media types are shorter.
  static constexpr size_t kLongest = 40;

  // Null where it is not known; valid until the next keep().
  const Literal* find(std::string_view code) const noexcept {
    const Entry& entry = entries_[slot_of(code)];
    const bool same = quick_equal({entry.code.data(), entry.size}, code);
    return same && !code.empty() ? &entry.literal : nullptr;
  }

  // `literal`: what `code` is; its text is copied.
  void keep(std::string_view code, const Literal& literal) noexcept {
    if (code.empty() || code.size() > kLongest) {
      return;
    }
    Entry& entry = entries_[slot_of(code)];
    entry.size = static_cast<uint8_t>(code.size());
    std::memcpy(entry.code.data(), code.data(), code.size());
    entry.literal = literal;
    entry.literal.text = {entry.text.data(), literal.text.copy(entry.text.data(), kLongestText)};
  }

 private:
  static constexpr size_t kLongestText = huffman_text(kLongest);
  static_assert((kSlots & (kSlots - 1)) == 0, "a mask of the hash");

  struct Entry {
    Literal literal;
    uint8_t size = 0;  // of code; 0: there is none
    std::array<char, kLongest> code{};
    std::array<char, kLongestText> text{};
  };

  static size_t slot_of(std::string_view code) noexcept {
    return quick_hash(code, 0) >> 32 & (kSlots - 1);
  }

  std::array<Entry, kSlots> entries_{};
};

}  // namespace pingap::http::hpack
