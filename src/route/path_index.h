// Finds the routes of one host whose exact or prefix path leads to a request's path, best first,
// with one or two hash lookups however many there are. Built on the control thread, then immutable.
//
// A key is a path of the configuration. What a request may match is a key that ends where one of
// its segments ends: the lengths of the keys there are, as bits, AND the places of the request's
// slashes. The longest key found leads to all others: its routes are a list whose `next` are the
// routes of the next shorter key, down to those for any path.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "route/text_table.h"

namespace pingap::route {

class PathIndex {
 public:
  // What to build from: the rank of a route is its place among all.
  struct Key {
    uint32_t host;  // index of a host
    std::string path;
    bool prefix;  // not exact
    uint32_t rank;
    bool conditional;  // it may turn a request down
  };

  static constexpr uint32_t kNone = UINT32_MAX;

  // Routes with the same key, and where to go on.
  struct List {
    uint32_t begin;  // in ranks(); ascending, cut behind the first that takes every request
    uint32_t end;
    uint32_t next;      // a list, or kNone
    uint32_t min_rank;  // of this and all that follow
  };

  PathIndex() = default;
  // `hosts` hosts; the keys in ascending order of rank. An empty prefix is any path.
  PathIndex(size_t hosts, std::span<const Key> keys);

  // The first list of routes of `host` that lead to the path; kNone when there is none.
  uint32_t find(uint32_t host, std::string_view path) const noexcept {
    const Host& entry = hosts_[host];
    if (path.empty() || path.front() != '/') {
      return entry.any;  // "*"
    }
    return entry.word_count == 0 ? entry.root : search(host, path);
  }

  const List& list(uint32_t index) const noexcept { return lists_[index]; }

  std::span<const uint32_t> ranks(const List& list) const noexcept {
    return {ranks_.data() + list.begin, ranks_.data() + list.end};
  }

 private:
  // Of the keys of one host whose length is in [64 w, 64 w + 64).
  struct Lengths {
    uint64_t prefixes = 0;  // not ending with a slash
    uint64_t slashed = 0;   // prefixes ending with one
    uint64_t all = 0;       // exact paths too
  };

  struct Host {
    uint32_t first_word = 0;  // in lengths_
    uint32_t word_count = 0;
    uint32_t root = kNone;  // the list where no key but "/" and "" leads to the path
    uint32_t any = kNone;   // of ""
  };

  struct Node {
    uint32_t exact;   // the list where the request's path is the key
    uint32_t prefix;  // where it goes on behind it
  };
  class Builder;

  uint32_t search(uint32_t host, std::string_view path) const noexcept;

  TextTable table_;  // (host, key) -> index in nodes_
  std::vector<Node> nodes_;
  std::vector<Host> hosts_;
  std::vector<Lengths> lengths_;
  std::vector<List> lists_;
  std::vector<uint32_t> ranks_;
};

}  // namespace pingap::route
