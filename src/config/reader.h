// Reads single values out of the tree into C++ types; whatever is wrong goes to the diagnostics.
// Every function leaves `out` alone on an error, so that reading goes on with the default.
// Control thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostics.h"
#include "config/model.h"
#include "config/problem.h"
#include "config/value.h"

namespace pingap::config {

// A key with its value.
struct Field {
  std::string_view key;
  Position key_at;
  const Value& value;
};

struct Range {
  int64_t min;
  int64_t max;
};

// Whether a string may be a list with commas (the original's spelling).
enum class Commas : bool { no, yes };

enum class Zero : bool { refused, allowed };

class Reader {
 public:
  explicit Reader(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  Diagnostics& diagnostics() noexcept { return diagnostics_; }

  void error(Position at, Problem problem);
  // The same where there may be none.
  bool check(Position at, std::optional<Problem> problem);

  // Without control characters; may be empty.
  bool text(const Field& field, std::string& out);
  bool text(const Field& field, Located<std::string>& out);
  // A path, or a text of several lines.
  bool pem(const Field& field, Located<std::string>& out);
  // A text that no error shows.
  bool secret(const Field& field, std::string& out);
  bool boolean(const Field& field, bool& out);
  std::optional<int64_t> integer(const Field& field, Range range);
  bool integer(const Field& field, Range range, uint32_t& out);
  bool duration(const Field& field, Zero zero, milliseconds& out);
  bool duration(const Field& field, std::optional<milliseconds>& out);
  bool size(const Field& field, uint64_t& out);

  // Strings, each trimmed and not empty: an array, one string, or one with commas.
  std::vector<Located<std::string>> list(const Field& field, Commas commas);

  // Name/value pairs of an array of "Name:value" strings or a table. Names are not
  // checked; the value is nullopt where the string has no colon.
  std::vector<FieldMatch> pairs(const Field& field);

  // One of the names; the position in the list.
  std::optional<size_t> choice(const Field& field, std::span<const std::string_view> names);

  // Says that the value has the wrong type.
  void wrong_type(const Field& field, std::string_view expected);

 private:
  bool item(const Field& field, const Value& value, Located<std::string>& out);

  Diagnostics& diagnostics_;
};

}  // namespace pingap::config
