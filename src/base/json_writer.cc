#include "base/json_writer.h"

#include <iterator>

#include <fmt/format.h>

#include "base/log_escape.h"

namespace pingap {

void JsonWriter::separate() {
  if (!first_) {
    text_ += ',';
  }
  first_ = false;
}

void JsonWriter::begin(char bracket) {
  separate();
  text_ += bracket;
  open_ += bracket == '{' ? '}' : ']';
  first_ = true;
}

void JsonWriter::end() {
  text_ += open_.back();
  open_.pop_back();
  first_ = false;
}

void JsonWriter::key(std::string_view name) {
  text(name);
  text_ += ':';
  first_ = true;
}

void JsonWriter::text(std::string_view value) {
  separate();
  std::string room(value.size() * 6, '\0');  // the longest escape of a byte
  bool cut = false;
  const char* end = escape_json(value, room.data(), room.data() + room.size(), cut);
  text_ += '"';
  text_.append(room.data(), static_cast<size_t>(end - room.data()));
  text_ += '"';
}

void JsonWriter::number(uint64_t value) {
  separate();
  fmt::format_to(std::back_inserter(text_), "{}", value);
}

void JsonWriter::number(double value) {
  separate();
  fmt::format_to(std::back_inserter(text_), "{}", value);
}

void JsonWriter::boolean(bool value) {
  separate();
  text_ += value ? "true" : "false";
}

}  // namespace pingap
