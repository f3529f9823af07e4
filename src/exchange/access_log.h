// The line of an exchange in the access log. A format is compiled once, at load, to a flat list;
// writing a line walks the list and copies (docs/access-log.md has formats and tags).
//
// compile(): control thread. A compiled format is never changed: write() is for any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "base/clock.h"
#include "exchange/access_log_tags.h"
#include "exchange/exchange.h"

namespace pingap::exchange {

class AccessLogFormat {
 public:
  static constexpr size_t kMaxLine = 16 * 1024;  // bytes, with the newline; longer fields are cut
  static constexpr size_t kMaxField = 4 * 1024;  // bytes of one field

  // A name (default, common, combined, tiny, short, json, logfmt; empty is default), "json:" or
  // "logfmt:" and a list of tags, or text with {tag}s and $variables. The error says what is wrong
  // and what is allowed.
  static tl::expected<AccessLogFormat, std::string> compile(std::string_view format);

  // Writes one line with its newline into `room`, of which kMaxLine bytes are enough; returns its
  // size. 0 when not even the fixed parts of the format fit.
  size_t write(const Exchange& x, WallTime now, std::span<char> room) const noexcept;

 private:
  class Compiler;

  AccessLogFormat() = default;

  std::string text_;  // of literals and names
  std::vector<LogOp> ops_;
  size_t fixed_ = 0;  // bytes that every line needs
  bool json_ = false;
};

}  // namespace pingap::exchange
