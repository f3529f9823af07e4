// What is wrong with a configuration: all of it, each with its place and a hint. Control thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace pingap::config {

// A place in a source text. Columns count from 1 in code points, as editors show them.
struct Position {
  uint32_t source = 0;  // index into Diagnostics' sources
  uint32_t line = 0;    // 0 = no place (command line, default)
  uint32_t column = 0;

  // Where something stands is no part of what it says: two configurations are the same that differ
  // in nothing else.
  friend constexpr bool operator==(const Position& /*a*/, const Position& /*b*/) noexcept {
    return true;
  }
};

// A value with the place it was written at, for errors that are found later.
template <class T>
struct Located {
  T value{};
  Position at{};

  bool operator==(const Located&) const = default;
};

enum class Severity : uint8_t { warning, error };

struct Diagnostic {
  Severity severity = Severity::error;
  Position at;
  std::string what;     // "unknown key `adrs` in [upstreams.api]"
  std::string allowed;  // "one of: addrs, algorithm, ..." (may be empty)
  std::string hint;     // "did you mean `addrs`?" (may be empty)
};

class Diagnostics {
 public:
  // Registers a text that positions refer to; returns its index.
  uint32_t add_source(std::string name, std::string text);

  void error(Position at, std::string what, std::string allowed = {}, std::string hint = {});
  void warning(Position at, std::string what, std::string allowed = {}, std::string hint = {});

  // The line of `at` holds a secret: it is never shown.
  void hide(Position at) { hidden_.push_back(at); }

  // The same of what stands behind the `=` of that line.
  void hide_value(Position at) { cut_.push_back(at); }

  bool has_errors() const noexcept { return errors_ > 0; }

  size_t errors() const noexcept { return errors_; }

  const std::vector<Diagnostic>& entries() const noexcept { return entries_; }

  // Whether further entries are only counted: there is no point in working out a hint for them.
  bool full() const noexcept;

  // "file:line:col" of a position, empty when it is no place.
  std::string place(Position at) const;

  // Everything in source order: "file:line:col: error: what; allowed; hint", the line and a caret.
  std::string render() const;

 private:
  struct Source {
    std::string name;
    std::string text;
    std::vector<size_t> lines;  // where each starts in text
  };

  void add(Diagnostic entry);
  bool known(const Diagnostic& entry) const noexcept;
  void append(std::string& out, const Diagnostic& entry) const;
  std::string_view line(Position at) const noexcept;
  static bool lists(const std::vector<Position>& places, Position at) noexcept;

  std::vector<Source> sources_;
  std::vector<Diagnostic> entries_;
  std::vector<Position> hidden_;
  std::vector<Position> cut_;
  size_t errors_ = 0;
  size_t dropped_ = 0;  // beyond what is kept
};

}  // namespace pingap::config
