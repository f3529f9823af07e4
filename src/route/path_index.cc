#include "route/path_index.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace pingap::route {
namespace {

// Bit i: byte i of `data` is a slash; 16 bytes are read.
uint64_t slashes_of_16(const char* data) noexcept {
#if defined(__SSE2__)
  const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(data));
  return static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8('/'))));
#else
  uint64_t bits = 0;
  for (size_t i = 0; i < 16; ++i) {
    bits |= static_cast<uint64_t>(data[i] == '/') << i;
  }
  return bits;
#endif
}

// The same for the first 64 bytes of `text`.
uint64_t slashes_of(std::string_view text) noexcept {
  const size_t size = std::min<size_t>(text.size(), 64);
  if (size < 16) {
    char padded[16] = {};
    if (size >= 8) {  // two overlapping copies are cheaper than a call of memcpy
      std::memcpy(padded, text.data(), 8);
      std::memcpy(padded + size - 8, text.data() + size - 8, 8);
    } else {
      for (size_t i = 0; i < size; ++i) {
        padded[i] = text[i];
      }
    }
    return slashes_of_16(padded);
  }
  uint64_t bits = 0;
  size_t at = 0;
  for (; at + 16 <= size; at += 16) {
    bits |= slashes_of_16(text.data() + at) << at;
  }
  if (at < size) {  // the last block overlaps the one before
    bits |= slashes_of_16(text.data() + size - 16) << (size - 16);
  }
  return bits;
}

}  // namespace

uint32_t PathIndex::search(uint32_t host, std::string_view path) const noexcept {
  const Host& entry = hosts_[host];
  const Lengths* lengths = lengths_.data() + entry.first_word;
  const size_t last = path.size() / 64;
  if (last < entry.word_count && (lengths[last].all >> path.size() % 64 & 1) != 0) {
    const uint32_t node = table_.find(host, path);
    if (node != TextTable::kNone) {
      return nodes_[node].exact;
    }
  }
  for (size_t word = std::min<size_t>(entry.word_count, last + 1); word-- > 0;) {
    const uint64_t bits = slashes_of(path.substr(word * 64));
    const uint64_t carry = word > 0 && path[word * 64 - 1] == '/' ? 1 : 0;
    uint64_t ends = (bits & lengths[word].prefixes) | ((bits << 1 | carry) & lengths[word].slashed);
    while (ends != 0) {
      const auto bit = static_cast<size_t>(63 - std::countl_zero(ends));
      const uint32_t node = table_.find(host, path.substr(0, word * 64 + bit));
      if (node != TextTable::kNone) {
        return nodes_[node].prefix;
      }
      ends &= ~(uint64_t{1} << bit);
    }
  }
  return entry.root;
}

// Gathers the routes of each key, then links each key's with those of the key above it.
class PathIndex::Builder {
 public:
  Builder(PathIndex& index, size_t hosts) : index_(index), any_(hosts), root_(hosts) {}

  void build(std::span<const Key> keys) {
    index_.hosts_.resize(any_.size());
    for (const Key& key : keys) {
      conditional_.resize(key.rank + 1);
      conditional_[key.rank] = key.conditional;
      gather(key);
    }
    set_lengths();
    for (size_t host = 0; host < any_.size(); ++host) {
      index_.hosts_[host].any = store(any_[host], kNone);
      index_.hosts_[host].root = store(root_[host], index_.hosts_[host].any);
    }
    link();
  }

 private:
  using Ranks = std::vector<uint32_t>;

  struct NodeRoutes {
    uint32_t host;
    std::string_view path;
    Ranks exact;
    Ranks prefix;
  };

  void gather(const Key& key) {
    if (key.prefix && key.path.size() <= 1) {
      (key.path.empty() ? any_ : root_)[key.host].push_back(key.rank);
      return;
    }
    const auto next = static_cast<uint32_t>(nodes_.size());
    const uint32_t node = index_.table_.add(key.host, key.path, next);
    if (node == next) {
      nodes_.push_back({key.host, key.path, {}, {}});
    }
    (key.prefix ? nodes_[node].prefix : nodes_[node].exact).push_back(key.rank);
  }

  void set_lengths() {
    for (const NodeRoutes& node : nodes_) {
      uint32_t& words = index_.hosts_[node.host].word_count;
      words = std::max(words, static_cast<uint32_t>(node.path.size() / 64 + 1));
    }
    uint32_t words = 0;
    for (Host& host : index_.hosts_) {
      host.first_word = words;
      words += host.word_count;
    }
    index_.lengths_.resize(words);
    for (const NodeRoutes& node : nodes_) {
      const size_t size = node.path.size();
      Lengths& lengths = index_.lengths_[index_.hosts_[node.host].first_word + size / 64];
      const uint64_t bit = uint64_t{1} << size % 64;
      lengths.all |= bit;
      if (!node.prefix.empty()) {
        (node.path.back() == '/' ? lengths.slashed : lengths.prefixes) |= bit;
      }
    }
  }

  void link() {
    std::vector<uint32_t> shortest_first(nodes_.size());
    std::iota(shortest_first.begin(), shortest_first.end(), 0U);
    std::sort(shortest_first.begin(), shortest_first.end(), [this](uint32_t a, uint32_t b) {
      return nodes_[a].path.size() < nodes_[b].path.size();
    });
    index_.nodes_.resize(nodes_.size());
    for (const uint32_t node : shortest_first) {
      const uint32_t prefix = store(nodes_[node].prefix, list_above(nodes_[node]));
      index_.nodes_[node] = {store(nodes_[node].exact, prefix), prefix};
    }
  }

  uint32_t list_above(const NodeRoutes& node) const {
    for (size_t size = node.path.size(); --size > 1;) {
      if (node.path[size] == '/' || node.path[size - 1] == '/') {
        const uint32_t above = index_.table_.find(node.host, node.path.substr(0, size));
        if (above != TextTable::kNone) {
          return index_.nodes_[above].prefix;
        }
      }
    }
    return index_.hosts_[node.host].root;
  }

  uint32_t store(const Ranks& ranks, uint32_t next) {
    if (ranks.empty()) {
      return next;
    }
    List list{static_cast<uint32_t>(index_.ranks_.size()), 0, next, ranks.front()};
    if (next != kNone) {
      list.min_rank = std::min(list.min_rank, index_.lists_[next].min_rank);
    }
    for (const uint32_t rank : ranks) {
      index_.ranks_.push_back(rank);
      if (!conditional_[rank]) {
        break;
      }
    }
    list.end = static_cast<uint32_t>(index_.ranks_.size());
    index_.lists_.push_back(list);
    return static_cast<uint32_t>(index_.lists_.size() - 1);
  }

  PathIndex& index_;
  std::vector<Ranks> any_;   // by host
  std::vector<Ranks> root_;  // prefix "/", by host
  std::vector<NodeRoutes> nodes_;
  std::vector<bool> conditional_;  // by rank
};

PathIndex::PathIndex(size_t hosts, std::span<const Key> keys) {
  Builder(*this, hosts).build(keys);
}

}  // namespace pingap::route
