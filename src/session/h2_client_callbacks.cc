#include "session/h2_callbacks.h"
#include "session/h2_client_session.h"

namespace pingap::session {

// A struct, so that it can be the session's friend.
struct H2ClientCallbacks : H2Callbacks {
  static H2ClientSession& session_of(void* user) noexcept {
    return static_cast<H2ClientSession&>(connection_of(user));
  }

  static H2ClientStream* stream_of(nghttp2_session* framing, int32_t id) noexcept {
    return static_cast<H2ClientStream*>(nghttp2_session_get_stream_user_data(framing, id));
  }

  static int begin_headers(nghttp2_session* framing, const nghttp2_frame* frame,
                           void* user) noexcept {
    if (frame->hd.type == NGHTTP2_PUSH_PROMISE) {
      // Nothing is to be pushed (RFC 9113 8.4); nghttp2 lets it pass until our SETTINGS are
      // acknowledged, which are in front of the first request.
      return go_on(session_of(user).check(ErrorCode::h2_protocol));
    }
    if (H2ClientStream* stream = stream_of(framing, frame->hd.stream_id); stream != nullptr) {
      session_of(user).on_begin_headers(*stream);
    }
    return 0;
  }

  static int header(nghttp2_session* /*framing*/, const nghttp2_frame* /*frame*/,
                    const uint8_t* name, size_t name_size, const uint8_t* value, size_t value_size,
                    uint8_t /*flags*/, void* user) noexcept {
    H2ClientSession& session = session_of(user);
    session.on_field(view(name, name_size), view(value, value_size));
    return go_on(!session.ending_);
  }

  static int data_chunk(nghttp2_session* framing, uint8_t /*flags*/, int32_t id,
                        const uint8_t* data, size_t size, void* user) noexcept {
    H2ClientSession& session = session_of(user);
    nghttp2_session_consume_connection(framing, size);
    if (H2ClientStream* stream = stream_of(framing, id); stream != nullptr) {
      const Part part = part_of(session, data, size);
      stream->on_data(session.in_chunk_, part.begin, part.end);
    }
    return 0;
  }

  static int frame_received(nghttp2_session* framing, const nghttp2_frame* frame,
                            void* user) noexcept {
    H2ClientSession& session = session_of(user);
    H2ClientStream* stream =
        frame->hd.stream_id == 0 ? nullptr : stream_of(framing, frame->hd.stream_id);
    switch (frame->hd.type) {
      case NGHTTP2_HEADERS:
        if (stream != nullptr) {
          session.on_headers(*stream, end_of(*frame));
        }
        break;
      case NGHTTP2_DATA:
        if (end_of(*frame) == End::yes) {
          if (stream != nullptr) {
            stream->on_end();
          }
        } else if (is_empty(*frame)) {
          return go_on(session.check(session.guard_.on_useless_frame(session.loop_.now())));
        }
        break;
      case NGHTTP2_RST_STREAM:
        if (stream != nullptr) {
          stream->on_reset_received();
        }
        if (frame->rst_stream.error_code == NGHTTP2_REFUSED_STREAM) {
          session.on_refused();
        }
        break;
      case NGHTTP2_PING:
      case NGHTTP2_SETTINGS:
        if (frame->hd.type == NGHTTP2_SETTINGS && (frame->hd.flags & NGHTTP2_FLAG_ACK) == 0) {
          session.on_settings();
        }
        session.changed_ = true;  // there may be room for more
        break;
      case NGHTTP2_GOAWAY:
        session.changed_ = true;  // nothing may be left to wait for
        break;
      default:
        break;
    }
    return 0;
  }

  static int before_frame(nghttp2_session* framing, const nghttp2_frame* frame,
                          void* /*user*/) noexcept {
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
      if (H2ClientStream* stream = stream_of(framing, frame->hd.stream_id)) {
        stream->on_head_framing();
      }
    }
    return 0;
  }

  static int stream_closed(nghttp2_session* framing, int32_t id, uint32_t code,
                           void* user) noexcept {
    if (H2ClientStream* stream = stream_of(framing, id)) {
      session_of(user).on_stream_closed(*stream, code);
    }
    return 0;
  }
};

const nghttp2_session_callbacks* make_h2_client_callbacks() noexcept {
  using Calls = H2ClientCallbacks;
  nghttp2_session_callbacks* callbacks = Calls::make();
  nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, Calls::begin_frame);
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, Calls::begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Calls::header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Calls::data_chunk);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Calls::frame_received);
  nghttp2_session_callbacks_set_before_frame_send_callback(callbacks, Calls::before_frame);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Calls::stream_closed);
  return callbacks;
}

}  // namespace pingap::session
