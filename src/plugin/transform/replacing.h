// Replacing in a text that comes in pieces: what comes out is the same however it is cut. Built on
// the control thread (Rule), at work on a worker (Stage).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/byte_queue.h"
#include "base/regex.h"

namespace pingap::plugin {

struct Rule {
  // A match of a regular expression has at most so many bytes; longer ones are left as they are.
  static constexpr size_t kMostMatch = 1024;

  std::string text;  // what is looked for, where there is no `regex`
  std::optional<Regex> regex;
  std::string with;          // instead of it; of a regex with $0 to $9 for groups
  bool ignore_case = false;  // of a text; in lower case then
  bool once = false;         // the first one only
};

class Stage {
 public:
  // `rule` outlives this.
  explicit Stage(const Rule& rule) noexcept : rule_(rule) {}

  // Puts what becomes of `piece` behind `out`; keeps back what may be the start of a match.
  void add(std::string_view piece, std::string& out);
  // There is no more.
  void finish(std::string& out);

 private:
  void run(std::string& out, bool last);
  void replace_text(std::string& out, bool last);
  void replace_regex(std::string& out, bool last);
  size_t find_text(size_t from) const noexcept;
  size_t kept_back(size_t from) const noexcept;
  void pass(std::string& out, size_t to);

  const Rule& rule_;
  std::string held_;   // not decided yet, behind `seen_` bytes that are
  size_t seen_ = 0;    // of held_: what is before it, for a regex
  bool done_ = false;  // the rest stays as it is
};

}  // namespace pingap::plugin
