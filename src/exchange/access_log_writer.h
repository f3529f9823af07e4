// Writes one line of the access log: the values of a compiled format, one after the other. Any
// thread; a LogLine lives for one line. Private to access_log.cc.
#pragma once

#include <charconv>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "base/clock.h"
#include "exchange/access_log_tags.h"
#include "exchange/exchange.h"

namespace pingap::exchange {

// Plain line or JSON object: they differ in how text is escaped and what stands for nothing.
// Never checks for room but in text fields: each op knows what the rest of the line needs.
template <bool kJson>
class LogLine {
 public:
  // Stands at the end of a field that was cut.
  static constexpr std::string_view kCut = "[cut]";

  LogLine(const Exchange& x, WallTime now, std::string_view text, char* begin, char* end) noexcept
      : x_(x), now_(now), text_(text), to_(begin), end_(end) {}

  // Returns the end of the line, behind its newline.
  char* write(std::span<const LogOp> ops) noexcept;

 private:
  void put(const LogOp& op) noexcept;
  void put_request(const LogOp& op) noexcept;
  void put_response(const LogOp& op) noexcept;

  void copy(std::string_view text) noexcept {
    std::memcpy(to_, text.data(), text.size());
    to_ += text.size();
  }

  void number(uint64_t value) noexcept { to_ = std::to_chars(to_, end_, value).ptr; }

  void nothing() noexcept { copy(kJson ? "null" : "-"); }

  void time(char* (*put_time)(WallTime, char*) noexcept) noexcept;
  void number_or_nothing(uint64_t value) noexcept;
  void quoted(std::string_view text) noexcept;  // of ours, needs no escapes
  void text(const LogOp& op, std::string_view value) noexcept;
  // With secret values of query parameters masked.
  void uri(const LogOp& op, std::string_view value) noexcept;
  void query(const LogOp& op, std::string_view value) noexcept;
  void rest_of_query(std::string_view value) noexcept;  // ends the field
  void header(const LogOp& op, const http::HeaderMap& headers) noexcept;
  void cookie(const LogOp& op) noexcept;
  void milliseconds(TimePoint from, TimePoint to) noexcept;
  void human_size(uint64_t bytes) noexcept;
  void human_time(uint64_t microseconds) noexcept;
  void human(uint64_t value, uint64_t unit, std::string_view name) noexcept;

  // A text field is written between these.
  void begin_text(const LogOp& op) noexcept;
  void part(std::string_view value) noexcept;
  void end_text() noexcept;

  std::string_view name_of(const LogOp& op) const noexcept {
    return text_.substr(op.begin, op.size);
  }

  uint64_t latency_us() const noexcept;

  const Exchange& x_;
  const WallTime now_;
  const std::string_view text_;
  char* to_;
  char* const end_;
  char* field_end_ = nullptr;  // before the cut mark
  bool cut_ = false;
};

extern template class LogLine<true>;
extern template class LogLine<false>;

}  // namespace pingap::exchange
