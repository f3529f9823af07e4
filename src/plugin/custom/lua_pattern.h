// Lua's patterns, with a bound on the work: those of the library try again and again behind a `-`
// or
// `*`, for as long as it takes, and no limit of instructions sees it. Pure; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pingap::plugin {

class LuaPattern {
 public:
  static constexpr size_t kCaptures = 32;

  struct Capture {
    size_t begin = 0;
    size_t size = 0;
    bool position = false;  // `()`: only where it is
  };

  enum class Outcome : uint8_t { found, none, failed };

  // Both outlive this. `steps` is what may be tried, and is counted down.
  LuaPattern(std::string_view subject, std::string_view pattern, uint64_t& steps) noexcept
      : subject_(subject), pattern_(pattern), steps_(steps) {}

  // A match that starts at `at`.
  Outcome match_at(size_t at) noexcept;
  // The first one from `at` on.
  Outcome search(size_t at, bool anchored) noexcept;

  size_t begin() const noexcept { return begin_; }

  size_t end() const noexcept { return end_; }

  size_t captures() const noexcept { return level_; }

  const Capture& capture(size_t i) const noexcept { return captures_[i]; }

  std::string_view text(const Capture& one) const noexcept {
    return subject_.substr(one.begin, one.size);
  }

  // Why it has failed; a static text.
  const char* fault() const noexcept { return fault_; }

 private:
  static constexpr size_t kNo = SIZE_MAX;
  static constexpr size_t kOpen = SIZE_MAX;
  static constexpr unsigned kDepth = 200;

  // Where the match ends that starts at `s` in the subject and `p` in the pattern; kNo: nowhere.
  size_t walk(size_t s, size_t p) noexcept;
  size_t repeat(size_t s, size_t p, size_t after) noexcept;
  size_t repeat_shortest(size_t s, size_t p, size_t after) noexcept;
  size_t open_capture(size_t s, size_t p, bool position) noexcept;
  size_t close_capture(size_t s, size_t p) noexcept;
  size_t walk_on(size_t s, size_t p) noexcept;
  bool is_special(size_t p) const noexcept;
  bool take_special(size_t& s, size_t& p) noexcept;
  bool take_item(size_t& s, size_t& p) noexcept;
  size_t between(size_t s, size_t p) noexcept;
  size_t same_as_before(size_t s, size_t p) noexcept;
  bool at_frontier(size_t s, size_t p, size_t after) noexcept;
  // The end of the single item at `p`: a letter, `%x`, `[set]`.
  size_t item_end(size_t p) noexcept;
  bool fits(size_t s, size_t p, size_t after) const noexcept;
  bool in_set(char c, size_t p, size_t last) const noexcept;
  bool step() noexcept;
  size_t fail(const char* why) noexcept;

  std::string_view subject_;
  std::string_view pattern_;
  uint64_t& steps_;
  const char* fault_ = nullptr;
  size_t begin_ = 0;
  size_t end_ = 0;
  size_t level_ = 0;
  unsigned depth_ = 0;
  std::array<Capture, kCaptures> captures_;
};

}  // namespace pingap::plugin
