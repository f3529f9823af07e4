// The path and query that go to the backend instead of the client's (docs/routing.md).
// Built on the control thread, then immutable; any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "base/error.h"
#include "base/regex.h"
#include "config/model.h"
#include "http/uri.h"

namespace pingap::route {

class Rewrite {
 public:
  // From location.rewrite and, for what it replaces, location.path. The error says what is wrong.
  static tl::expected<Rewrite, std::string> compile(const config::Location& location,
                                                    const http::UriOptions& options);

  // The location rewrites nothing.
  bool empty() const noexcept { return what_ == What::nothing; }

  // The target to forward, in `arena` unless nothing changed. It is canonical: rewrite_failed where
  // the pieces put together would not be (security.md rule P), target_too_long where it is that.
  Result<http::Canonical> apply(const http::Canonical& from, Arena& arena) const noexcept;

 private:
  // What is replaced.
  enum class What : uint8_t { nothing, prefix, whole, regex };
  // What the query of the client becomes.
  enum class Query : uint8_t { kept, appended, dropped };

  // Literal text, or what a group of the regex matched.
  struct Piece {
    std::string literal;
    int group = -1;
    bool in_query = false;
  };
  struct Match;
  class Writer;

  tl::expected<void, std::string> parse_replacement(std::string_view text);
  tl::expected<size_t, std::string> parse_group(std::string_view text, Piece& piece) const;
  tl::expected<int, std::string> group_number(std::string_view name) const;
  tl::expected<void, std::string> check_replacement(const http::UriOptions& options) const;
  bool find(const http::Canonical& from, Match& match) const noexcept;
  size_t bound(const Match& match, std::string_view query) const noexcept;
  void write(Writer& writer, const Match& match, std::string_view query) const noexcept;

  What what_ = What::nothing;
  Query query_ = Query::kept;
  size_t prefix_size_ = 0;
  std::optional<Regex> regex_;
  std::vector<Piece> pieces_;
  http::UriOptions options_;
};

}  // namespace pingap::route
