// Tokens that were found good a moment ago, with what they grant, so that neither their signature
// nor their JSON is worked out again. Of a bounded number and size; each worker has its own.
//
// Found is only a token that is the same in every byte, under the same set of keys, while its time
// is on. Whoever makes a token up cannot learn from the time of the look-up how much of it is
// right: it begins with a keyed hash of the token's end, its signature, and only a token whose end
// has the hash of a good one's is compared.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "base/hash.h"

namespace pingap::plugin {

// When a token is good, in seconds since 1970; what clocks may differ is in it.
struct JwtTime {
  double begin = -std::numeric_limits<double>::infinity();
  double end = std::numeric_limits<double>::infinity();  // the first moment that is too late

  bool holds(double now) const noexcept { return begin <= now && now < end; }
};

// What a good token means for its request. Views are in the request or its arena.
struct JwtGrant {
  struct Claim {
    std::string_view name;
    std::string_view value;
  };

  std::span<std::optional<std::string_view>> headers;  // for each of the plugin's claim_headers
  std::span<Claim> claims;                             // $auth_NAME
  JwtTime time;
};

class JwtCache {
 public:
  // What a token and its texts may have to be kept, in bytes.
  static constexpr size_t kMostBytes = 8 * 1024;

  // For about `tokens` in each worker, 0 = none. Control thread.
  JwtCache(size_t tokens, uint32_t workers);

  // Whether the token was added with keys of that version (never 0) and is good at `now`. `out` is
  // in the arena then. Worker.
  bool find(uint32_t worker, std::string_view token, uint64_t version, double now, Arena& arena,
            JwtGrant& out) const noexcept;

  // Takes the place of one that cannot be found any more, else of the one not asked for for the
  // longest time. What is too long is not kept. Worker.
  void add(uint32_t worker, std::string_view token, uint64_t version, double now,
           const JwtGrant& grant) const noexcept;

 private:
  static constexpr size_t kWays = 4;

  struct Piece {
    uint32_t begin;
    uint32_t size;
  };

  struct Entry {
    uint64_t version = 0;  // 0: unused
    JwtTime time;
    size_t token = 0;    // bytes of `text` that are the token; its texts follow
    size_t headers = 0;  // pieces that are these; names and values of claims follow
    std::string text;
    std::vector<Piece> pieces;
  };

  struct Set {
    std::array<uint64_t, kWays> hashes{};
    std::array<uint64_t, kWays> asked{};  // when, by Table::turn
    std::array<Entry, kWays> entries;
  };

  struct Table {
    explicit Table(size_t count) : sets(count) {}

    std::vector<Set> sets;
    uint64_t turn = 0;
  };

  uint64_t hash_of(std::string_view token) const noexcept;
  static void give(const Entry& entry, Arena& arena, JwtGrant& out) noexcept;
  static void fill(Entry& entry, std::string_view token, const JwtGrant& grant);

  size_t sets_;  // a power of two, or 0
  HashKey key_{};
  mutable std::vector<std::unique_ptr<Table>> tables_;  // by worker; null until there is a token
};

}  // namespace pingap::plugin
