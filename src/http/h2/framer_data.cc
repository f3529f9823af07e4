// DATA that comes: the windows that it uses, and the body that it is.
#include <algorithm>

#include "http/h2/framer.h"
#include "http/limits.h"

namespace pingap::http::h2 {

// Padding counts for the windows (RFC 9113 6.1). That of the connection is given back at once:
// whoever does not take a stream's bytes holds up that stream alone.
void Framer::on_data_header() noexcept {
  const FrameHeader& header = reader_.header();
  receiving_ = nullptr;
  if (header.stream == 0 || is_idle(header.stream)) {
    break_off(Code::protocol_error);
    return;
  }
  receive_window_ -= header.length;
  if (receive_window_ < 0) {
    break_off(Code::flow_control_error);
    return;
  }
  consumed_ += header.length;
  if (consumed_ > receive_window_) {
    write_number(FrameType::window_update, 0, static_cast<uint32_t>(consumed_));
    receive_window_ += consumed_;
    consumed_ = 0;
  }
  FramedStream* stream = table_.find(header.stream);
  if (stream == nullptr || stream->resetting_) {
    return;  // it was on its way when the stream ended
  }
  if (stream->remote_closed_) {
    reset(*stream, Code::stream_closed);
    return;
  }
  if (!stream->message_.has_begun()) {
    break_off(Code::protocol_error);
    return;
  }
  if (!stream->message_.has_head()) {
    reset(*stream, Code::protocol_error);  // behind an interim head (RFC 9113 8.1)
    return;
  }
  if (header.length > stream->receive_window_) {
    reset(*stream, Code::flow_control_error);
    return;
  }
  stream->receive_window_ -= header.length;
  receiving_ = stream;
}

void Framer::on_body(std::string_view bytes) noexcept {
  FramedStream* stream = receiving_;
  if (stream == nullptr || stream->resetting_) {
    return;
  }
  if (!stream->message_.add_body(bytes.size())) {
    reset(*stream, Code::protocol_error);
    return;
  }
  events_.on_body(*stream, bytes);
}

void Framer::on_body_end() noexcept {
  FramedStream* stream = std::exchange(receiving_, nullptr);
  const bool end = reader_.header().has(kEndStream);
  if (stream != nullptr && !stream->resetting_) {
    if (reader_.padding() > 0) {
      consume(*stream, reader_.padding());
    }
    if (end) {
      end_remote(*stream);
      return;
    }
  }
  if (!end && !reader_.had_body()) {
    events_.on_empty_data();
  }
}

void Framer::end_remote(FramedStream& stream) noexcept {
  stream.remote_closed_ = true;
  if (!stream.message_.may_end()) {
    reset(stream, Code::protocol_error);
    return;
  }
  events_.on_body_end(stream);
  if (!stopped_) {
    close_if_done(stream);
  }
}

}  // namespace pingap::http::h2
