// The keys of [plugins.NAME] that belong to its type, as a table: it reads and checks them, with
// positions, and is what `pingap plugin show`, docs/plugins.md and forms are made of.
// Control thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/model.h"
#include "config/reader.h"
#include "exchange/variables.h"

namespace pingap::plugin {

using config::Located;
using config::Position;
using config::Range;
using std::chrono::milliseconds;

// What an option is, without how it is read.
struct OptionInfo {
  enum class Type : uint8_t {
    boolean,
    integer,
    number,  // with a point
    text,
    path,    // of requests: exactly, or a prefix of theirs; read in its canonical form
    secret,  // no error and no page shows it
    duration,
    size,
    list,   // of strings
    pairs,  // "Name: value", or a table
    choice,
    variable,  // a text with variables
    body,      // the same of several lines
    lines,     // a text of several lines, without variables
    entries,   // a list of strings and tables, which the type reads
    bodies,    // a table of texts of several lines, which the type reads
    numbers,   // a table of numbers, which the type reads
  };

  std::string_view name;
  std::string_view alias;  // the original's; may be empty
  Type type = Type::text;
  std::string_view fallback;  // the default as in the documentation, "required" if there is none
  std::string_view help;
  std::span<const std::string_view> choices = {};
  Range range{0, 0};  // of an integer; of a list's length
};

// A number with a point.
struct Number {
  double value = 0;
};

template <class S>
struct Option {
  OptionInfo info;
  // Where the value goes. Located where something else may be wrong with it later.
  std::variant<bool S::*, uint32_t S::*, Number S::*, std::string S::*, Located<std::string> S::*,
               milliseconds S::*, uint64_t S::*, std::vector<std::string> S::*,
               std::vector<Located<std::string>> S::*, std::vector<config::FieldMatch> S::*,
               exchange::Template S::*, Located<size_t> S::*, const config::Value * S::*>
      to;
};

namespace detail {

using Type = OptionInfo::Type;

void read(config::Reader& reader, const config::Field& field, const OptionInfo& info, bool& to);
void read(config::Reader& reader, const config::Field& field, const OptionInfo& info, uint32_t& to);
void read(config::Reader& reader, const config::Field& field, const OptionInfo& info, Number& to);
void read(config::Reader& reader, const config::Field& field, const OptionInfo& info,
          std::string& to);
void read(config::Reader& reader, const config::Field& field, const OptionInfo& info,
          Located<std::string>& to);
void read(config::Reader& reader, const config::Field& field, const OptionInfo& info,
          milliseconds& to);
void read(config::Reader& reader, const config::Field& field, const OptionInfo& info, uint64_t& to);
void read(config::Reader& reader, const config::Field& field, const OptionInfo& info,
          std::vector<std::string>& to);
void read(config::Reader& reader, const config::Field& field, const OptionInfo& info,
          std::vector<Located<std::string>>& to);
void read(config::Reader& reader, const config::Field& field, const OptionInfo& info,
          std::vector<config::FieldMatch>& to);
void read(config::Reader& reader, const config::Field& field, const OptionInfo& info,
          exchange::Template& to);
// Of a choice: its index.
void read(config::Reader& reader, const config::Field& field, const OptionInfo& info,
          Located<size_t>& to);

// Of entries: an array, which is as long there as the entry is; its places are secret. Of bodies
// and numbers: a table.
void read(config::Reader& reader, const config::Field& field, const OptionInfo& info,
          const config::Value*& to);

// The value for an option by its name or alias; null if there is none, which is an error where it
// is required.
const config::Member* find(const config::Plugin& entry, const OptionInfo& info,
                           config::Reader& reader);
void report_unknown(const config::Plugin& entry, std::span<const OptionInfo* const> known,
                    config::Reader& reader);

}  // namespace detail

// Reads all options of `entry` into `out`, which holds the defaults. What is wrong is said; whether
// anything was, the diagnostics know.
template <class S, size_t N>
void read_options(const config::Plugin& entry, const Option<S> (&options)[N],
                  config::Reader& reader, S& out) {
  const OptionInfo* infos[N];
  for (size_t i = 0; i < N; ++i) {
    infos[i] = &options[i].info;
    if (const config::Member* member = detail::find(entry, options[i].info, reader)) {
      std::visit(
          [&](auto to) {
            detail::read(reader, {member->key, member->at, member->value}, options[i].info,
                         out.*to);
          },
          options[i].to);
    }
  }
  detail::report_unknown(entry, infos, reader);
}

}  // namespace pingap::plugin
