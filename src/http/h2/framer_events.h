// What a framer tells the session that has it. Worker.
//
// The session may do whatever it likes in each of these, but destroy the framer: streams that it
// resets, or whose end it sends, are closed later (Framer::write()). Where it destroys its streams
// itself it calls Framer::stop() first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "http/h2/frame.h"
#include "http/h2/framed_stream.h"
#include "http/hpack/field.h"

namespace pingap::http::h2 {

class FramerEvents {
 public:
  // The header of each frame, before anything else looks at it.
  virtual void on_frame(const FrameHeader& header) noexcept = 0;

  // A request begins: its stream of this number, which is the session's and lives until
  // on_stream_closed(). For clients never.
  virtual FramedStream& on_request(int32_t id) noexcept = 0;
  // A head comes, or trailers; their fields are next, then on_head() or on_malformed_head().
  virtual void on_head_begun(FramedStream& stream) noexcept = 0;
  virtual void on_field(const hpack::DecodedField& field) noexcept = 0;

  enum class Section : uint8_t { head, trailers };

  virtual void on_head(FramedStream& stream, Section section, End end) noexcept = 0;
  // It is being reset.
  virtual void on_malformed_head(FramedStream& stream) noexcept = 0;

  // Bytes of a body, from what receive() was given.
  virtual void on_body(FramedStream& stream, std::string_view bytes) noexcept = 0;
  virtual void on_body_end(FramedStream& stream) noexcept = 0;
  // A DATA frame without body and without an end.
  virtual void on_empty_data() noexcept = 0;

  // RST_STREAM; null: of a stream that is over.
  virtual void on_reset(FramedStream* stream, Code code) noexcept = 0;
  // `window`: what it is now; -1 of a stream that is over.
  virtual void on_window_update(uint32_t increment, int64_t window) noexcept = 0;
  virtual void on_settings() noexcept = 0;
  virtual void on_settings_ack() noexcept = 0;
  virtual void on_ping() noexcept = 0;
  virtual void on_goaway() noexcept = 0;

  // `bytes` of body have become a frame.
  virtual void on_framed(FramedStream& stream, size_t bytes) noexcept = 0;
  // Its end has become one.
  virtual void on_end_sent(FramedStream& stream) noexcept = 0;
  // RST_STREAM has, or the peer's was there before ours; null: of one that was refused and never
  // was.
  virtual void on_reset_sent(FramedStream* stream, Code code) noexcept = 0;
  // It is out of the framer's hands: the session's to destroy. `code`: of the reset, whoever sent
  // it, or REFUSED_STREAM where GOAWAY says so.
  virtual void on_stream_closed(FramedStream& stream, Code code) noexcept = 0;

  // The connection has to end with GOAWAY of this code: the session calls Framer::terminate().
  virtual void on_broken(ErrorCode why, Code code) noexcept = 0;

 protected:
  ~FramerEvents() = default;
};

}  // namespace pingap::http::h2
