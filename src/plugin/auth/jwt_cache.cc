#include "plugin/auth/jwt_cache.h"

#include <algorithm>
#include <bit>
#include <sys/random.h>

namespace pingap::plugin {
namespace {

// Characters of a token's end that are hashed: all of the signature of HS256. Only tokens that were
// good are kept, so nobody can fill a place of the table with ones that he has made for it.
constexpr size_t kHashed = 48;

// Of a header that is not to be there.
constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();

size_t size_of(const JwtGrant& grant) noexcept {
  size_t size = 0;
  for (const auto& header : grant.headers) {
    size += header ? header->size() : 0;
  }
  for (const JwtGrant::Claim& claim : grant.claims) {
    size += claim.name.size() + claim.value.size();
  }
  return size;
}

}  // namespace

JwtCache::JwtCache(size_t tokens, uint32_t workers)
    : sets_(tokens == 0 ? 0 : std::bit_ceil((tokens + kWays - 1) / kWays)), tables_(workers) {
  while (::getrandom(key_.data(), sizeof(key_), 0) != sizeof(key_)) {
  }
}

uint64_t JwtCache::hash_of(std::string_view token) const noexcept {
  return keyed_hash64(token.substr(token.size() - std::min(token.size(), kHashed)), key_);
}

bool JwtCache::find(uint32_t worker, std::string_view token, uint64_t version, double now,
                    Arena& arena, JwtGrant& out) const noexcept {
  Table* table = tables_[worker].get();
  if (table == nullptr) {
    return false;
  }
  const uint64_t hash = hash_of(token);
  Set& set = table->sets[hash & (sets_ - 1)];
  for (size_t i = 0; i < kWays; ++i) {
    const Entry& entry = set.entries[i];
    if (set.hashes[i] == hash && entry.version == version && entry.time.holds(now) &&
        std::string_view(entry.text).substr(0, entry.token) == token) {
      set.asked[i] = ++table->turn;
      give(entry, arena, out);
      return true;
    }
  }
  return false;
}

// The request may outlive the entry.
void JwtCache::give(const Entry& entry, Arena& arena, JwtGrant& out) noexcept {
  const std::string_view texts = arena.copy(std::string_view(entry.text).substr(entry.token));
  const auto text_of = [&](const Piece& piece) {
    return std::string_view(texts.data() + piece.begin, piece.size);
  };
  const Piece* piece = entry.pieces.data();
  out.headers = {arena.make_array<std::optional<std::string_view>>(entry.headers), entry.headers};
  for (auto& header : out.headers) {
    std::construct_at(&header,
                      piece->begin == kNone ? std::nullopt : std::optional(text_of(*piece)));
    ++piece;
  }
  const size_t claims = (entry.pieces.size() - entry.headers) / 2;
  out.claims = {arena.make_array<JwtGrant::Claim>(claims), claims};
  for (JwtGrant::Claim& claim : out.claims) {
    claim = {text_of(piece[0]), text_of(piece[1])};
    piece += 2;
  }
  out.time = entry.time;
}

void JwtCache::add(uint32_t worker, std::string_view token, uint64_t version, double now,
                   const JwtGrant& grant) const noexcept {
  if (sets_ == 0 || token.size() + size_of(grant) > kMostBytes) {
    return;
  }
  auto& table = tables_[worker];
  if (table == nullptr) {
    table = std::make_unique<Table>(sets_);
  }
  const uint64_t hash = hash_of(token);
  Set& set = table->sets[hash & (sets_ - 1)];
  // Entries that are of no use, or are this one, are as good as never asked for.
  const auto last_asked = [&](size_t i) -> uint64_t {
    const Entry& entry = set.entries[i];
    const bool of_use = entry.version == version && entry.time.holds(now) && set.hashes[i] != hash;
    return of_use ? set.asked[i] : 0;
  };
  size_t place = 0;
  for (size_t i = 1; i < kWays; ++i) {
    place = last_asked(i) < last_asked(place) ? i : place;
  }
  Entry& entry = set.entries[place];
  entry.version = version;
  fill(entry, token, grant);
  set.hashes[place] = hash;
  set.asked[place] = ++table->turn;
}

void JwtCache::fill(Entry& entry, std::string_view token, const JwtGrant& grant) {
  entry.time = grant.time;
  entry.token = token.size();
  entry.headers = grant.headers.size();
  entry.text.assign(token);
  entry.pieces.clear();
  const auto put = [&](std::string_view text) {
    entry.pieces.push_back({static_cast<uint32_t>(entry.text.size() - token.size()),
                            static_cast<uint32_t>(text.size())});
    entry.text.append(text);
  };
  for (const auto& header : grant.headers) {
    if (header) {
      put(*header);
    } else {
      entry.pieces.push_back({kNone, 0});
    }
  }
  for (const JwtGrant::Claim& claim : grant.claims) {
    put(claim.name);
    put(claim.value);
  }
}

}  // namespace pingap::plugin
