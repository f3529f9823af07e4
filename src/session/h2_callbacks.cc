#include "session/h2_callbacks.h"

#include <nghttp2/nghttp2.h>

#include "http/limits.h"
#include "session/h2_server_session.h"

namespace pingap::session {

// A struct, so that it can be the session's friend.
struct H2ServerCallbacks {
  static H2ServerSession& session_of(void* user) noexcept {
    return *static_cast<H2ServerSession*>(user);
  }

  static H2ServerStream* stream_of(nghttp2_session* framing, int32_t id) noexcept {
    return static_cast<H2ServerStream*>(nghttp2_session_get_stream_user_data(framing, id));
  }

  static std::string_view view(const uint8_t* data, size_t size) noexcept {
    return {reinterpret_cast<const char*>(data), size};
  }

  static End end_of(const nghttp2_frame& frame) noexcept {
    return (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 ? End::yes : End::no;
  }

  static bool is_request(const nghttp2_frame& frame) noexcept {
    return frame.headers.cat == NGHTTP2_HCAT_REQUEST;
  }

  static ssize_t send(nghttp2_session* /*framing*/, const uint8_t* data, size_t size, int /*flags*/,
                      void* user) noexcept {
    H2ServerSession& session = session_of(user);
    if (!session.has_room()) {
      return NGHTTP2_ERR_WOULDBLOCK;
    }
    session.output().append(view(data, size));
    return static_cast<ssize_t>(size);
  }

  static int send_data(nghttp2_session* /*framing*/, nghttp2_frame* /*frame*/,
                       const uint8_t* header, size_t size, nghttp2_data_source* source,
                       void* user) noexcept {
    if (!session_of(user).has_room()) {
      return NGHTTP2_ERR_WOULDBLOCK;
    }
    constexpr size_t kFrameHeader = 9;
    static_cast<H2ServerStream*>(source->ptr)->write_frame(view(header, kFrameHeader), size);
    return 0;
  }

  static int go_on(bool check) noexcept { return check ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE; }

  static int begin_frame(nghttp2_session* framing, const nghttp2_frame_hd* header,
                         void* user) noexcept {
    H2ServerSession& session = session_of(user);
    const TimePoint now = session.loop_.now();
    ErrorCode why = session.guard_.on_frame(header->type, header->stream_id, header->length, now);
    const bool late = header->type == NGHTTP2_HEADERS &&
                      header->stream_id <= nghttp2_session_get_last_proc_stream_id(framing) &&
                      stream_of(framing, header->stream_id) == nullptr;
    if (late && why == ErrorCode::none) {
      why = session.guard_.on_useless_frame(now);
    }
    return go_on(session.check(why));
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
      const auto begin =
          static_cast<size_t>(reinterpret_cast<const char*>(data) - session.in_chunk_.data());
      stream->on_data(session.in_chunk_, begin, begin + size);
    }
    return 0;
  }

  static ErrorCode on_data(H2ServerSession& session, const nghttp2_frame& frame) noexcept {
    H2ServerStream* stream = stream_of(session.framing_, frame.hd.stream_id);
    if (stream != nullptr && end_of(frame) == End::yes) {
      stream->on_end();
      return ErrorCode::none;
    }
    const bool empty = frame.hd.length == frame.data.padlen;
    return empty ? session.guard_.on_useless_frame(session.loop_.now()) : ErrorCode::none;
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

  static ErrorCode on_reset_sent(H2ServerSession& session, uint32_t code) noexcept {
    switch (code) {
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
        session.check(on_reset_sent(session, frame->rst_stream.error_code));
        return 0;
      case NGHTTP2_GOAWAY:
        session.on_goaway_sent(frame->goaway.error_code);
        return 0;
      case NGHTTP2_DATA:
        session.guard_.on_data_sent();
        break;
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
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_send_callback(callbacks, Calls::send);
  nghttp2_session_callbacks_set_send_data_callback(callbacks, Calls::send_data);
  nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, Calls::begin_frame);
  nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, Calls::invalid_frame);
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, Calls::begin_headers);
  nghttp2_session_callbacks_set_on_extension_chunk_recv_callback(callbacks, Calls::extension_chunk);
  nghttp2_session_callbacks_set_unpack_extension_callback(callbacks, Calls::unpack_extension);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Calls::header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Calls::data_chunk);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Calls::frame_received);
  nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, Calls::frame_sent);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Calls::stream_closed);
  return callbacks;
}

}  // namespace pingap::session
