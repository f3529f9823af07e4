#include "session/h2_callbacks.h"

#include "http/limits.h"
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

  static ErrorCode on_headers_begun(H2ServerSession& session, int32_t id) noexcept {
    const ErrorCode why = session.guard_.on_headers(id);
    const bool late = id <= nghttp2_session_get_last_proc_stream_id(session.framing_) &&
                      stream_of(session.framing_, id) == nullptr;
    return late && why == ErrorCode::none ? session.guard_.on_useless_frame(session.loop_.now())
                                          : why;
  }

  static int begin_frame(nghttp2_session* framing, const nghttp2_frame_hd* header,
                         void* user) noexcept {
    H2ServerSession& session = session_of(user);
    if (header->type == NGHTTP2_HEADERS) {
      session.check(on_headers_begun(session, header->stream_id));
    } else if (header->type == NGHTTP2_WINDOW_UPDATE) {
      session.check(session.guard_.on_window_update(session.loop_.now()));
    }
    return H2Callbacks::begin_frame(framing, header, user);
  }

  // Unknown frames are counted by their header and thrown away (RFC 9113 5.5).
  static int extension_chunk(nghttp2_session* /*framing*/, const nghttp2_frame_hd* /*header*/,
                             const uint8_t* /*data*/, size_t /*size*/, void* /*user*/) noexcept {
    return NGHTTP2_ERR_CANCEL;
  }

  static int unpack_extension(nghttp2_session* /*framing*/, void** /*payload*/,
                              const nghttp2_frame_hd* /*header*/, void* /*user*/) noexcept {
    return NGHTTP2_ERR_CANCEL;
  }

  static int begin_headers(nghttp2_session* /*framing*/, const nghttp2_frame* frame,
                           void* user) noexcept {
    if (frame->hd.type == NGHTTP2_HEADERS) {
      session_of(user).on_begin_headers(frame->hd.stream_id, is_request(*frame));
    }
    return 0;
  }

  static int header(nghttp2_session* /*framing*/, const nghttp2_frame* /*frame*/,
                    const uint8_t* name, size_t name_size, const uint8_t* value, size_t value_size,
                    uint8_t /*flags*/, void* user) noexcept {
    H2ServerSession& session = session_of(user);
    session.on_field(view(name, name_size), view(value, value_size));
    return go_on(!session.ending_);
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

  static ErrorCode on_data(H2ServerSession& session, const nghttp2_frame& frame) noexcept {
    H2ServerStream* stream = stream_of(session.framing_, frame.hd.stream_id);
    if (stream != nullptr && end_of(frame) == End::yes) {
      stream->on_end();
      return ErrorCode::none;
    }
    return is_empty(frame) ? session.guard_.on_useless_frame(session.loop_.now()) : ErrorCode::none;
  }

  static ErrorCode on_window_update(H2ServerSession& session, const nghttp2_frame& frame) noexcept {
    const int32_t id = frame.hd.stream_id;
    nghttp2_session* framing = session.framing_;
    const int32_t open = id == 0 ? nghttp2_session_get_remote_window_size(framing)
                                 : nghttp2_session_get_stream_remote_window_size(framing, id);
    constexpr auto kLeast = static_cast<int32_t>(http::limits::kH2Increment);
    const bool tiny = frame.window_update.window_size_increment < kLeast && open < kLeast;
    return tiny ? session.guard_.on_tiny_increment(session.loop_.now()) : ErrorCode::none;
  }

  static ErrorCode on_reset(H2ServerSession& session, const nghttp2_frame& frame) noexcept {
    H2ServerStream* stream = stream_of(session.framing_, frame.hd.stream_id);
    if (stream == nullptr) {
      return ErrorCode::none;
    }
    stream->on_reset();
    return stream->busy() ? session.guard_.on_reset(session.loop_.now()) : ErrorCode::none;
  }

  static int frame_received(nghttp2_session* framing, const nghttp2_frame* frame,
                            void* user) noexcept {
    H2ServerSession& session = session_of(user);
    switch (frame->hd.type) {
      case NGHTTP2_HEADERS:
        if (H2ServerStream* stream = stream_of(framing, frame->hd.stream_id)) {
          session.on_headers(*stream, end_of(*frame), is_request(*frame));
        }
        return go_on(!session.ending_);
      case NGHTTP2_DATA:
        return go_on(session.check(on_data(session, *frame)));
      case NGHTTP2_RST_STREAM:
        return go_on(session.check(on_reset(session, *frame)));
      case NGHTTP2_WINDOW_UPDATE:
        return go_on(session.check(on_window_update(session, *frame)));
      case NGHTTP2_SETTINGS:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) {
          session.on_settings_ack();
        }
        return 0;
      case NGHTTP2_PRIORITY_UPDATE: {
        const auto* update = static_cast<const nghttp2_ext_priority_update*>(frame->ext.payload);
        session.on_priority_update(update->stream_id);
        return 0;
      }
      default:
        return 0;
    }
  }

  // Of heads and trailers: nghttp2 has queued the RST_STREAM. Other frames that are invalid end the
  // connection.
  static int invalid_frame(nghttp2_session* framing, const nghttp2_frame* frame, int /*error*/,
                           void* user) noexcept {
    if (frame->hd.type == NGHTTP2_HEADERS) {
      if (H2ServerStream* stream = stream_of(framing, frame->hd.stream_id)) {
        session_of(user).on_malformed_headers(*stream);
      }
    }
    return 0;
  }

  static ErrorCode on_reset_sent(H2ServerSession& session, const nghttp2_frame& frame) noexcept {
    const H2ServerStream* stream = stream_of(session.framing_, frame.hd.stream_id);
    if (stream != nullptr && stream->blameless()) {
      return ErrorCode::none;
    }
    switch (frame.rst_stream.error_code) {
      case NGHTTP2_NO_ERROR:
      case NGHTTP2_INTERNAL_ERROR:
        return ErrorCode::none;  // it was not the client
      case NGHTTP2_REFUSED_STREAM:
        return session.guard_.on_refused_stream(session.loop_.now());
      default:
        return session.guard_.on_reset(session.loop_.now());
    }
  }

  static int frame_sent(nghttp2_session* framing, const nghttp2_frame* frame, void* user) noexcept {
    H2ServerSession& session = session_of(user);
    switch (frame->hd.type) {
      case NGHTTP2_RST_STREAM:
        session.check(on_reset_sent(session, *frame));
        return 0;
      case NGHTTP2_GOAWAY:
        session.on_goaway_sent(frame->goaway.error_code);
        return 0;
      case NGHTTP2_DATA:
      case NGHTTP2_HEADERS:
        break;
      default:
        return 0;
    }
    if (end_of(*frame) == End::yes) {
      if (H2ServerStream* stream = stream_of(framing, frame->hd.stream_id)) {
        stream->on_response_sent();
      }
    }
    return 0;
  }

  // A frame that nghttp2 will not send: of a head it would be missed.
  static int frame_not_sent(nghttp2_session* framing, const nghttp2_frame* frame, int error,
                            void* /*user*/) noexcept {
    const bool closed = error == NGHTTP2_ERR_STREAM_CLOSED || error == NGHTTP2_ERR_STREAM_CLOSING;
    if (frame->hd.type == NGHTTP2_HEADERS && !closed) {
      if (H2ServerStream* stream = stream_of(framing, frame->hd.stream_id)) {
        stream->on_head_unsent();
      }
    }
    return 0;
  }

  static int stream_closed(nghttp2_session* framing, int32_t id, uint32_t code,
                           void* user) noexcept {
    if (H2ServerStream* stream = stream_of(framing, id); stream != nullptr) {
      session_of(user).on_stream_closed(*stream, code);
    }
    return 0;
  }
};

const nghttp2_session_callbacks* make_h2_server_callbacks() noexcept {
  using Calls = H2ServerCallbacks;
  nghttp2_session_callbacks* callbacks = Calls::make();
  nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, Calls::begin_frame);
  nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, Calls::invalid_frame);
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, Calls::begin_headers);
  nghttp2_session_callbacks_set_on_extension_chunk_recv_callback(callbacks, Calls::extension_chunk);
  nghttp2_session_callbacks_set_unpack_extension_callback(callbacks, Calls::unpack_extension);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Calls::header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Calls::data_chunk);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Calls::frame_received);
  nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, Calls::frame_sent);
  nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, Calls::frame_not_sent);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Calls::stream_closed);
  return callbacks;
}

}  // namespace pingap::session
