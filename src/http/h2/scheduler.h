// Whose turn it is to send (RFC 9218 10): the most urgent first; of equals one after the other, and
// those that are of use piece by piece share, a frame each. Worker.
#pragma once

#include <array>
#include <cstdint>

#include "base/intrusive_list.h"
#include "http/h2/framed_stream.h"
#include "http/h2/priority.h"

namespace pingap::http::h2 {

class Scheduler {
 public:
  // It has something to send; where it is already in here it keeps its place.
  void add(FramedStream& stream) noexcept {
    if (!is_waiting(stream)) {
      lists_[stream.priority_.urgency].push_back(stream);
    }
  }

  // Behind a frame of a stream that has more: it goes on, unless it shares.
  void add_again(FramedStream& stream) noexcept {
    if (stream.priority_.incremental) {
      lists_[stream.priority_.urgency].push_back(stream);
    } else {
      lists_[stream.priority_.urgency].push_front(stream);
    }
  }

  // It is only to be told that it has sent its end, or is to be reset: before all others.
  void add_ended(FramedStream& stream) noexcept { move_to(ended_, stream); }

  void add_reset(FramedStream& stream) noexcept { move_to(resets_, stream); }

  // It waits for the window of the connection.
  void add_starved(FramedStream& stream) noexcept { move_to(starved_, stream); }

  FramedStream* take_ended() noexcept { return ended_.pop_front(); }

  FramedStream* take_reset() noexcept { return resets_.pop_front(); }

  // Null where nobody has anything to send.
  FramedStream* take() noexcept;

  // The window is open: those that waited for it go on, in their order.
  void feed() noexcept;

  void change(FramedStream& stream, Priority priority) noexcept;

  static bool is_waiting(const FramedStream& stream) noexcept {
    return static_cast<const ListHook<FramingTag>&>(stream).linked();
  }

  static void remove(FramedStream& stream) noexcept {
    static_cast<ListHook<FramingTag>&>(stream).unlink();
  }

 private:
  using List = IntrusiveList<FramedStream, FramingTag>;

  static void move_to(List& list, FramedStream& stream) noexcept {
    remove(stream);
    list.push_back(stream);
  }

  std::array<List, kUrgencies> lists_;
  List ended_;
  List resets_;
  List starved_;
};

}  // namespace pingap::http::h2
