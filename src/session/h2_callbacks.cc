#include "session/h2_callbacks.h"

#include "session/h2_server_session.h"

namespace pingap::session {

// A struct, so that it can be the session's friend.
struct H2ServerCallbacks : H2Callbacks {
  static H2ServerSession& session_of(void* user) noexcept {
    return static_cast<H2ServerSession&>(connection_of(user));
  }

  static H2ServerStream* stream_of(nghttp2_session* framing, int32_t id) noexcept {
    return static_cast<H2ServerStream*>(nghttp2_session_get_stream_user_data(framing, id));
  }

  static bool is_request(const nghttp2_frame& frame) noexcept {
    return frame.headers.cat == NGHTTP2_HCAT_REQUEST;
  }

  static int begin_headers(nghttp2_session* /*framing*/, const nghttp2_frame* frame,
                           void* user) noexcept {
    if (frame->hd.type != NGHTTP2_HEADERS) {
      return 0;
    }
    return session_of(user).on_begin_headers(frame->hd.stream_id, is_request(*frame))
               ? 0
               : NGHTTP2_ERR_CALLBACK_FAILURE;
  }

  static int header(nghttp2_session* /*framing*/, const nghttp2_frame* /*frame*/,
                    const uint8_t* name, size_t name_size, const uint8_t* value, size_t value_size,
                    uint8_t /*flags*/, void* user) noexcept {
    session_of(user).on_field(view(name, name_size), view(value, value_size));
    return 0;
  }

  static int data_chunk(nghttp2_session* framing, uint8_t /*flags*/, int32_t id,
                        const uint8_t* data, size_t size, void* user) noexcept {
    H2ServerSession& session = session_of(user);
    nghttp2_session_consume_connection(framing, size);
    if (H2ServerStream* stream = stream_of(framing, id); stream != nullptr) {
      const Part part = part_of(session, data, size);
      stream->on_data(session.in_chunk_, part.begin, part.end);
    }
    return 0;
  }

  static int frame_received(nghttp2_session* framing, const nghttp2_frame* frame,
                            void* user) noexcept {
    H2ServerSession& session = session_of(user);
    const bool ack = (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0;
    switch (frame->hd.type) {
      case NGHTTP2_HEADERS:
        if (H2ServerStream* stream = stream_of(framing, frame->hd.stream_id)) {
          session.on_headers(*stream, end_of(*frame), is_request(*frame));
        }
        break;
      case NGHTTP2_DATA:
        if (H2ServerStream* stream = stream_of(framing, frame->hd.stream_id);
            stream != nullptr && end_of(*frame) == End::yes) {
          stream->on_end();
        } else if (frame->hd.length == frame->data.padlen) {
          session.charge_control();  // a frame without a byte of body
        }
        break;
      case NGHTTP2_RST_STREAM:
        if (H2ServerStream* stream = stream_of(framing, frame->hd.stream_id);
            stream != nullptr && stream->busy()) {
          session.charge_reset();
        }
        break;
      case NGHTTP2_PING:
      case NGHTTP2_SETTINGS:
        if (!ack) {
          session.charge_control();
        }
        break;
      case NGHTTP2_PRIORITY:
        session.charge_control();
        break;
      default:
        break;
    }
    return 0;
  }

  static int frame_sent(nghttp2_session* framing, const nghttp2_frame* frame, void* user) noexcept {
    if (frame->hd.type == NGHTTP2_RST_STREAM && frame->rst_stream.error_code != NGHTTP2_NO_ERROR &&
        frame->rst_stream.error_code != NGHTTP2_INTERNAL_ERROR) {
      session_of(user).charge_reset();  // the client made us (MadeYouReset, CVE-2025-8671)
    }
    if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
        end_of(*frame) == End::yes) {
      if (H2ServerStream* stream = stream_of(framing, frame->hd.stream_id)) {
        stream->on_response_sent();
      }
    }
    return 0;
  }

  static int stream_closed(nghttp2_session* framing, int32_t id, uint32_t code,
                           void* user) noexcept {
    H2ServerStream* stream = stream_of(framing, id);
    if (stream == nullptr) {
      return 0;
    }
    Error why;
    if (code != NGHTTP2_NO_ERROR) {
      why = {ErrorCode::client_reset, Side::downstream, Retry::never, 0, "RST_STREAM"};
    }
    stream->on_closed(why);
    session_of(user).on_stream_gone(*stream);
    return 0;
  }
};

const nghttp2_session_callbacks* make_h2_server_callbacks() noexcept {
  using Calls = H2ServerCallbacks;
  nghttp2_session_callbacks* callbacks = Calls::make();
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, Calls::begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Calls::header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Calls::data_chunk);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Calls::frame_received);
  nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, Calls::frame_sent);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Calls::stream_closed);
  return callbacks;
}

}  // namespace pingap::session
