// A look at a TOML text before it is parsed: the parser recurses and allocates per value, so depth
// and number are bounded here (security.md CF-01). Knows just enough TOML to skip strings and
// comments; a text that is not valid TOML may be refused here or by the parser.
#include <algorithm>

#include "config/value.h"

namespace pingap::config {
namespace {

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  LimitProblem run() noexcept {
    while (at_ < text_.size() && problem_ == nullptr) {
      step();
    }
    return problem_ == nullptr ? LimitProblem{} : place();
  }

 private:
  void step() noexcept {
    const char c = text_[at_];
    switch (c) {
      case '"':
      case '\'':
        skip_string(c);
        return;
      case '#':
        at_ = std::min(text_.find('\n', at_), text_.size());
        return;
      case '[':
      case '{':
        count();
        nest(++brackets_);
        break;
      case ']':
      case '}':
        brackets_ = brackets_ > 0 ? brackets_ - 1 : 0;
        dots_ = 0;
        break;
      case '.':
        nest(++dots_);
        break;
      case '=':
      case ',':
        count();
        dots_ = 0;
        break;
      case '\n':
        dots_ = 0;
        break;
      default:
        break;
    }
    ++at_;
  }

  void skip_string(char quote) noexcept {
    const char triple[] = {quote, quote, quote};
    const std::string_view fence(triple, 3);
    const bool multiline = text_.substr(at_).starts_with(fence);
    at_ += multiline ? 3 : 1;
    while (at_ < text_.size()) {
      if (text_[at_] == '\\' && quote == '"') {
        at_ += 2;
      } else if (multiline ? text_.substr(at_).starts_with(fence) : text_[at_] == quote) {
        at_ += multiline ? 3 : 1;
        // Up to two quotes may stand before the fence: they belong to the string.
        for (int extra = 0; multiline && extra < 2 && text_.substr(at_).starts_with(quote);
             ++extra) {
          ++at_;
        }
        return;
      } else if (!multiline && text_[at_] == '\n') {
        return;  // not closed: the parser says so
      } else {
        ++at_;
      }
    }
    at_ = text_.size();
  }

  void nest(size_t depth) noexcept {
    if (depth > kMaxNesting) {
      problem_ = "nested more than 64 levels deep";
    }
  }

  void count() noexcept {
    if (++values_ > kMaxValues) {
      problem_ = "more than 150000 keys and values";
    }
  }

  LimitProblem place() const noexcept {
    const std::string_view before = text_.substr(0, at_ - 1);
    const size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
    const auto lines = std::ranges::count(before, '\n');
    const auto column = std::ranges::count_if(before.substr(line_start), [](char c) {
      return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
    });
    return {static_cast<uint32_t>(lines + 1), static_cast<uint32_t>(column + 1), problem_};
  }

  std::string_view text_;
  size_t at_ = 0;
  size_t brackets_ = 0;
  size_t dots_ = 0;  // in one key or number
  size_t values_ = 0;
  const char* problem_ = nullptr;
};

}  // namespace

LimitProblem check_limits(std::string_view text) noexcept {
  return Scanner(text).run();
}

}  // namespace pingap::config
