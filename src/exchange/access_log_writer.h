// Writes one line of the access log: the literals and values of a compiled format. Any thread; a
// LogLine lives for one line. Private to access_log.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/clock.h"
#include "exchange/access_log_tags.h"
#include "exchange/exchange.h"
#include "exchange/secrets.h"

namespace pingap::exchange {

// Plain line or JSON object: they differ in how text is escaped and what stands for nothing.
// Never checks for room but in text: each op knows what the rest of the line needs. The functions
// take where to write and return where they ended, which keeps that in a register.
template <bool kJson>
class LogLine {
 public:
  // Stands at the end of a field that was cut.
  static constexpr std::string_view kCut = "[cut]";
  // What every line needs for a text: a mark, in JSON with quotes.
  static constexpr size_t kTextNeeds = kCut.size() + 2;
  // Literals are copied in steps of this: so many bytes more must stand behind the format's text
  // and behind the line.
  static constexpr size_t kCopyStep = 16;

  // `fixed`: bytes that every line of the format needs; there are as many before `end` at least.
  LogLine(const Exchange& x, WallTime now, std::string_view text, size_t fixed, char* end) noexcept
      : x_(x), now_(now), text_(text), end_(end), near_end_(end - fixed) {}

  // Returns the end of the line, behind its newline.
  char* write(std::span<const LogOp> ops, char* to) const noexcept;

 private:
  // A text field being written.
  struct Field {
    char* to;
    char* end;  // before the mark of a cut
    bool cut = false;
  };

  [[gnu::always_inline]] inline std::string_view text_of(const LogOp& op) const noexcept;
  [[gnu::always_inline]] inline uint64_t number_of(const LogOp& op) const noexcept;
  char* put_other(const LogOp& op, char* to) const noexcept;
  char* put_time_between(const LogOp& op, char* to) const noexcept;

  [[gnu::always_inline]] inline char* put_text(const LogOp& op, std::string_view value,
                                               char* to) const noexcept;
  char* put_long_text(const LogOp& op, std::string_view value, char* to) const noexcept;
  // `before` and then a query without its secrets.
  char* put_masked(const LogOp& op, std::string_view before, std::string_view query,
                   char* to) const noexcept;
  // An address, or a text with some: of each part what is secret there.
  char* put_link(const LogOp& op, const http::HeaderMap& headers, char* to) const noexcept;

  using FindSecret = SecretPlace(std::string_view text, size_t from, const SecretLists& more);
  void add_masked(Field& field, std::string_view text,
                  FindSecret* find = find_secret) const noexcept;
  char* put_uri(const LogOp& op, char* to) const noexcept;
  char* put_request(const LogOp& op, char* to) const noexcept;
  char* put_tries(const LogOp& op, char* to) const noexcept;
  char* put_cookie(const LogOp& op, char* to) const noexcept;
  char* put_trace(LogTag tag, char* to) const noexcept;
  char* put_milliseconds(TimePoint from, TimePoint until, char* to) const noexcept;
  Field begin_field(const LogOp& op, char* to) const noexcept;
  static void add(Field& field, std::string_view value) noexcept;
  static char* end_field(const Field& field) noexcept;

  std::string_view argument_of(const LogOp& op) const noexcept;
  bool is_secret(std::string_view name) const noexcept;

  std::string_view header_of(const LogOp& op, const http::HeaderMap& headers) const noexcept;

  std::string_view name_of(const LogOp& op) const noexcept {
    return text_.substr(op.name, op.name_size);
  }

  uint64_t latency_us() const noexcept;

  const Exchange& x_;
  const WallTime now_;
  const std::string_view text_;
  char* const end_;
  char* const near_end_;  // a text that ends before this fits, wherever it stands in the line
};

extern template class LogLine<true>;
extern template class LogLine<false>;

}  // namespace pingap::exchange
