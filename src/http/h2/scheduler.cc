#include "http/h2/scheduler.h"

namespace pingap::http::h2 {

FramedStream* Scheduler::take() noexcept {
  for (List& list : lists_) {
    if (FramedStream* stream = list.pop_front()) {
      return stream;
    }
  }
  return nullptr;
}

void Scheduler::feed() noexcept {
  while (FramedStream* stream = starved_.pop_front()) {
    add(*stream);
  }
}

// One that is to be ended or reset does not send: its place says so, and stays.
void Scheduler::change(FramedStream& stream, Priority priority) noexcept {
  const bool sends = is_waiting(stream) && !stream.resetting_ && stream.unframed() > 0;
  stream.priority_ = priority;
  if (sends) {
    remove(stream);
    add(stream);  // also where it was starved: it finds that out again
  }
}

}  // namespace pingap::http::h2
