// Writes JSON piece by piece; commas come by themselves. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace pingap {

class JsonWriter {
 public:
  // The next value: an object or a list, to be ended with end().
  void begin_object() { begin('{'); }

  void begin_list() { begin('['); }

  void end();

  // The name of the next value, in an object.
  void key(std::string_view name);

  void text(std::string_view value);
  void number(uint64_t value);
  void number(double value);
  void boolean(bool value);

  // Both at once.
  void text(std::string_view name, std::string_view value) {
    key(name);
    text(value);
  }

  template <class Number>
  void number(std::string_view name, Number value) {
    key(name);
    number(value);
  }

  std::string finish() { return std::move(text_); }

 private:
  void begin(char bracket);
  void separate();

  std::string text_;
  std::string open_;  // the brackets that are to come, innermost last
  bool first_ = true;
};

}  // namespace pingap
