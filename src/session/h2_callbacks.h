// What nghttp2 calls, handed on to the session. Any thread: made once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <nghttp2/nghttp2.h>

#include "base/error.h"

namespace pingap::session {

class H2Connection;

// What both ends need. A struct, so that it can be the connection's friend.
struct H2Callbacks {
  static H2Connection& connection_of(void* user) noexcept {
    return *static_cast<H2Connection*>(user);
  }

  static std::string_view view(const uint8_t* data, size_t size) noexcept {
    return {reinterpret_cast<const char*>(data), size};
  }

  static End end_of(const nghttp2_frame& frame) noexcept {
    return (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 ? End::yes : End::no;
  }

  // A DATA frame without a byte of body.
  static bool is_empty(const nghttp2_frame& frame) noexcept {
    return frame.hd.length == frame.data.padlen;
  }

  // What a callback returns: nghttp2 stops where the connection ends.
  static int go_on(bool check) noexcept { return check ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE; }

  static int begin_frame(nghttp2_session* framing, const nghttp2_frame_hd* header,
                         void* user) noexcept;

  // Of a DATA frame in the chunk that is being read.
  struct Part {
    size_t begin;
    size_t end;
  };

  static Part part_of(const H2Connection& connection, const uint8_t* data, size_t size) noexcept;

  // With the callbacks for writing, which are the same for all.
  static nghttp2_session_callbacks* make() noexcept;

 private:
  static ssize_t send(nghttp2_session* framing, const uint8_t* data, size_t size, int flags,
                      void* user) noexcept;
  static int send_data(nghttp2_session* framing, nghttp2_frame* frame, const uint8_t* header,
                       size_t size, nghttp2_data_source* source, void* user) noexcept;
};

// Never freed: they live as long as the process.
const nghttp2_session_callbacks* make_h2_server_callbacks() noexcept;
const nghttp2_session_callbacks* make_h2_client_callbacks() noexcept;

}  // namespace pingap::session
