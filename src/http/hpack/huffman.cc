#include "http/hpack/huffman.h"

#include <array>
#include <bit>
#include <cstring>

namespace pingap::http::hpack {
namespace {

constexpr size_t kSymbols = 257;
constexpr size_t kEos = 256;
constexpr unsigned kLongest = 30;

// Bits of each symbol's code. The code is canonical: shorter codes come first, and those of one
// length in the order of their symbols, so that the lengths say all of it (RFC 7541 appendix B).
constexpr std::array<uint8_t, kSymbols> kLengths = {
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6,  10, 10, 12, 13, 6,  8,  11, 10, 10, 8,  11, 8,  6,  6,  6,
    5,  5,  5,  6,  6,  6,  6,  6,  6,  6,  7,  8,  15, 6,  12, 10, 13, 6,  7,  7,  7,  7,  7,  7,
    7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  8,  7,  8,  13, 19, 13, 14, 6,
    15, 5,  6,  5,  6,  5,  6,  6,  6,  5,  7,  7,  6,  6,  6,  5,  6,  7,  6,  5,  5,  6,  7,  7,
    7,  7,  7,  15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21,
    23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24,
    21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
};

// Codes of one length: the first, as the top bits of 32, and where their symbols are in `sorted`.
struct Group {
  uint32_t first = 0;
  uint32_t end = 0;  // behind the last one; 0: behind all
  uint16_t offset = 0;
};

struct Short {
  uint8_t symbol = 0;
  uint8_t bits = 0;  // 0: a longer code begins so
};

constexpr unsigned kShortBits = 9;

struct Tables {
  std::array<Group, kLongest + 1> groups{};
  std::array<uint16_t, kSymbols> sorted{};
  std::array<Short, size_t{1} << kShortBits> shorts{};
};

constexpr Tables kTables = [] {
  Tables tables;
  uint64_t code = 0;  // in 32 bits, from the top
  uint16_t count = 0;
  for (unsigned bits = 1; bits <= kLongest; ++bits) {
    tables.groups[bits].first = static_cast<uint32_t>(code);
    tables.groups[bits].offset = count;
    for (size_t symbol = 0; symbol < kSymbols; ++symbol) {
      if (kLengths[symbol] != bits) {
        continue;
      }
      tables.sorted[count++] = static_cast<uint16_t>(symbol);
      if (bits <= kShortBits) {
        const auto from = static_cast<size_t>(code >> (32 - kShortBits));
        for (size_t i = 0; i < size_t{1} << (kShortBits - bits); ++i) {
          tables.shorts[from + i] = {static_cast<uint8_t>(symbol), static_cast<uint8_t>(bits)};
        }
      }
      code += uint64_t{1} << (32 - bits);
    }
    tables.groups[bits].end = static_cast<uint32_t>(code);
  }
  return tables;
}();

static_assert(kTables.sorted[kSymbols - 1] == kEos, "the last of the longest codes");

// The bits that are next, from the top of a word.
class Bits {
 public:
  static_assert(std::endian::native == std::endian::little, "eight bytes at once");

  explicit Bits(std::string_view bytes) noexcept : at_(bytes.data()), end_(at_ + bytes.size()) {}

  // At least 56 bits are there then, or all that there are.
  void fill() noexcept {
    if (end_ - at_ >= 8) [[likely]] {
      uint64_t eight = 0;
      std::memcpy(&eight, at_, sizeof(eight));
      // Bits of a byte that is not counted yet are the same when they come again.
      word_ |= __builtin_bswap64(eight) >> count_;
      const unsigned bytes = (63 - count_) / 8;
      at_ += bytes;
      count_ += 8 * bytes;
      return;
    }
    for (; at_ < end_ && count_ <= 56; ++at_, count_ += 8) {
      word_ |= uint64_t{static_cast<uint8_t>(*at_)} << (56 - count_);
    }
  }

  uint32_t top() const noexcept { return static_cast<uint32_t>(word_ >> 32); }

  unsigned count() const noexcept { return count_; }

  void drop(unsigned bits) noexcept {
    word_ <<= bits;
    count_ -= bits;
  }

 private:
  const char* at_;
  const char* end_;
  uint64_t word_ = 0;
  unsigned count_ = 0;
};

// A code of more than kShortBits; its length, or 0 where it is EOS or does not end in time.
unsigned decode_long(const Bits& bits, char& out) noexcept {
  for (unsigned size = kShortBits + 1; size <= kLongest; ++size) {
    const Group& group = kTables.groups[size];
    if (bits.top() < group.end || group.end == 0) {
      const uint32_t number = (bits.top() - group.first) >> (32 - size);
      const uint16_t symbol = kTables.sorted[group.offset + number];
      if (symbol == kEos || size > bits.count()) {
        return 0;
      }
      out = static_cast<char>(symbol);
      return size;
    }
  }
  return 0;
}

// A code of any length; its length, or 0 where there is none.
unsigned decode_one(const Bits& bits, char& out) noexcept {
  const Short next = kTables.shorts[bits.top() >> (32 - kShortBits)];
  if (next.bits == 0) {
    return decode_long(bits, out);
  }
  out = static_cast<char>(next.symbol);
  return next.bits <= bits.count() ? next.bits : 0;
}

// What is left are the first bits of EOS, all ones, and less than a byte (RFC 7541 5.2).
bool is_padding(const Bits& bits) noexcept {
  return bits.count() < 8 && std::countl_one(bits.top()) >= static_cast<int>(bits.count());
}

}  // namespace

size_t huffman_decode(std::string_view encoded, char* out) noexcept {
  Bits bits(encoded);
  char* to = out;
  for (;;) {
    bits.fill();
    // As many short codes as are there in any case.
    for (unsigned left = bits.count() / kShortBits; left > 0; --left) {
      const Short next = kTables.shorts[bits.top() >> (32 - kShortBits)];
      if (next.bits == 0) {
        break;
      }
      *to++ = static_cast<char>(next.symbol);
      bits.drop(next.bits);
    }
    bits.fill();
    const unsigned size = decode_one(bits, *to);
    if (size == 0) {
      return is_padding(bits) ? static_cast<size_t>(to - out) : kNotHuffman;
    }
    ++to;
    bits.drop(size);
  }
}

}  // namespace pingap::http::hpack
