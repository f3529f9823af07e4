// A stream as the framer sees it: its state, its windows, and what is to be sent on it. A base of
// what a session makes of streams, so that there is one object for each. Worker.
//
//   idle -> open -> half closed (either end) -> closed: out of the framer's table, and told of
//              |                              ^
//              +------- RST_STREAM -----------+      RFC 9113 5.1
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/byte_queue.h"
#include "base/intrusive_list.h"
#include "http/h2/frame.h"
#include "http/h2/head_fields.h"
#include "http/h2/head_rules.h"
#include "http/h2/priority.h"

namespace pingap::http::h2 {

struct FramingTag;

class FramedStream : private ListHook<FramingTag> {
 public:
  FramedStream(const FramedStream&) = delete;
  FramedStream& operator=(const FramedStream&) = delete;

  // 0 before it has begun.
  int32_t id() const noexcept { return id_; }

  // Bytes of body that are not in a frame yet.
  size_t unframed() const noexcept { return body_.size(); }

  // What the peer lets us send; may be negative (RFC 9113 6.9.2).
  int64_t send_window() const noexcept { return send_window_; }

  // What the peer may send.
  int64_t receive_window() const noexcept { return receive_window_; }

 protected:
  // `id`: of one that the peer has opened.
  explicit FramedStream(int32_t id = 0) noexcept : id_(id) {}

  ~FramedStream() = default;

 private:
  friend class Framer;
  friend class Scheduler;
  template <class T, class U>
  friend class pingap::IntrusiveList;

  int32_t id_;
  Priority priority_;
  bool open_ = false;           // it is in the table of its framer
  bool send_over_ = false;      // the end of what is to be sent was given
  bool local_closed_ = false;   // END_STREAM has left
  bool remote_closed_ = false;  // and has come
  bool resetting_ = false;      // RST_STREAM is to be sent: nothing else is, and nothing is heard
  bool breaks_off_ = false;     // the same, behind what there is of body
  Code reset_code_ = Code::no_error;
  int64_t send_window_ = 0;
  int64_t receive_window_ = 0;
  size_t consumed_ = 0;  // of what has come, and the peer does not know
  Message message_;      // of the peer
  ByteQueue body_;
  std::vector<KeptField> trailers_;  // behind the body
};

}  // namespace pingap::http::h2
