#include "trace/record.h"

#include <cstring>
#include <type_traits>

namespace pingap::trace {
namespace {

static_assert(std::is_trivially_copyable_v<RecordHead> && sizeof(RecordHead) % 8 == 0);
static_assert(sizeof(TryRecord) % 8 == 0 && sizeof(EventRecord) % 8 == 0);

std::string_view cut(std::string_view text) noexcept {
  return text.substr(0, kMaxText);
}

int64_t since(TimePoint started, TimePoint at) noexcept {
  return at == TimePoint{} ? -1 : (at - started).count();
}

template <class T>
char* put(const T& value, char* to) noexcept {
  std::memcpy(to, &value, sizeof(value));
  return to + sizeof(value);
}

char* put_text(std::string_view text, char* to) noexcept {
  return to + text.copy(to, text.size());  // unlike memcpy(), also of a view of nothing
}

TryRecord record_of(const Try& from, TimePoint started) noexcept {
  TryRecord to;
  to.span = from.span;
  to.start = since(started, from.start);
  to.sent = since(started, from.sent);
  to.first_byte = since(started, from.first_byte);
  to.end = since(started, from.end);
  to.status = from.status;
  to.endpoint_size = static_cast<uint16_t>(cut(from.endpoint).size());
  to.why = from.why;
  to.reused = from.reused;
  return to;
}

EventRecord record_of(const Event& from, TimePoint started) noexcept {
  EventRecord to;
  to.at = since(started, from.at);
  to.name_size = static_cast<uint16_t>(cut(from.name).size());
  to.plugin_size = static_cast<uint16_t>(cut(from.plugin).size());
  return to;
}

}  // namespace

size_t record_size(const Texts& texts, const RequestTrace& trace) noexcept {
  size_t size =
      sizeof(RecordHead) + trace.tries * sizeof(TryRecord) + trace.events * sizeof(EventRecord);
  for (const std::string_view text : texts) {
    size += text.size();
  }
  for (const Try* one = trace.first_try; one != nullptr; one = one->next) {
    size += cut(one->endpoint).size();
  }
  for (const Event* one = trace.first_event; one != nullptr; one = one->next) {
    size += cut(one->name).size() + cut(one->plugin).size();
  }
  return (size + 7) & ~size_t{7};
}

void write_record(RecordHead head, const Texts& texts, const RequestTrace& trace, TimePoint started,
                  char* to) noexcept {
  head.size = static_cast<uint32_t>(record_size(texts, trace));
  head.tries = trace.tries;
  head.events = trace.events;
  for (size_t i = 0; i < kTexts; ++i) {
    head.sizes[i] = static_cast<uint16_t>(texts[i].size());
  }
  to = put(head, to);
  for (const Try* one = trace.first_try; one != nullptr; one = one->next) {
    to = put(record_of(*one, started), to);
  }
  for (const Event* one = trace.first_event; one != nullptr; one = one->next) {
    to = put(record_of(*one, started), to);
  }
  for (const std::string_view text : texts) {
    to = put_text(text, to);
  }
  for (const Try* one = trace.first_try; one != nullptr; one = one->next) {
    to = put_text(cut(one->endpoint), to);
  }
  for (const Event* one = trace.first_event; one != nullptr; one = one->next) {
    to = put_text(cut(one->plugin), put_text(cut(one->name), to));
  }
}

RecordReader::RecordReader(const char* bytes) noexcept {
  std::memcpy(&head_, bytes, sizeof(head_));
  tries_ = bytes + sizeof(head_);
  events_ = tries_ + head_.tries * sizeof(TryRecord);
  rest_ = events_ + head_.events * sizeof(EventRecord);
  for (size_t i = 0; i < kTexts; ++i) {
    texts_[i] = take(head_.sizes[i]);
  }
}

std::string_view RecordReader::take(size_t size) noexcept {
  const std::string_view text(rest_, size);
  rest_ += size;
  return text;
}

RecordReader::TryView RecordReader::next_try() noexcept {
  TryView view;
  std::memcpy(&view.record, tries_, sizeof(view.record));
  tries_ += sizeof(view.record);
  view.endpoint = take(view.record.endpoint_size);
  return view;
}

RecordReader::EventView RecordReader::next_event() noexcept {
  EventRecord record;
  std::memcpy(&record, events_, sizeof(record));
  events_ += sizeof(record);
  EventView view;
  view.at = record.at;
  view.name = take(record.name_size);
  view.plugin = take(record.plugin_size);
  return view;
}

}  // namespace pingap::trace
