// Regular expressions in linear time: the only place that knows RE2. Any thread; immutable.
// Patterns and texts are bytes (Latin-1), so that no byte of a peer is unmatchable.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace pingap {

enum class RegexCase : bool { sensitive, insensitive };

class Regex {
 public:
  // The error text says what is wrong with the pattern.
  static tl::expected<Regex, std::string> create(std::string_view pattern,
                                                 RegexCase letters = RegexCase::sensitive);
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;
  ~Regex();

  // Whether any part of `text` matches: write ^ and $ where the whole must.
  bool matches(std::string_view text) const noexcept;
  // The same for the whole text.
  bool matches_fully(std::string_view text) const noexcept;

  // The leftmost match: groups[0] is all of it, groups[i] the i-th group; empty with null data
  // where a group took no part. Groups beyond the span are not reported.
  bool match_captures(std::string_view text, std::span<std::string_view> groups) const noexcept;

  // The same for a match between `start` and `end`; what is around them counts for `^`, `$` and
  // `\b`. At::start: one that begins there, and no other.
  enum class At : bool { anywhere, start };
  bool match_between(std::string_view text, size_t start, size_t end, At at,
                     std::span<std::string_view> groups) const noexcept;

  // Groups in the pattern, the whole match not counted.
  int group_count() const noexcept;
  // The number of a named group, -1 when there is none.
  int find_group(std::string_view name) const;
  // The names, sorted.
  std::vector<std::string> group_names() const;

  std::string_view pattern() const noexcept;

 private:
  struct Impl;
  explicit Regex(std::unique_ptr<Impl> impl) noexcept;

  std::unique_ptr<Impl> impl_;
};

// Many patterns searched for in one pass over the text. Built on one thread, then immutable.
class RegexSet {
 public:
  explicit RegexSet(RegexCase letters = RegexCase::sensitive);
  RegexSet(RegexSet&&) noexcept;
  RegexSet& operator=(RegexSet&&) noexcept;
  ~RegexSet();

  // Returns the index of the pattern: 0, 1, ...
  tl::expected<int, std::string> add(std::string_view pattern);
  // To be called once, after the last add().
  tl::expected<void, std::string> compile();

  // The indexes of all patterns that match any part of `text`, ascending, into `out`. RE2 allocates
  // a few bytes in each call.
  bool match(std::string_view text, std::vector<int>& out) const;

  size_t size() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pingap
